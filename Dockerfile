# syntax=docker/dockerfile:1

# By tag, so that a build anywhere gets the fixes of its base. An image that is published is built from digests, which whoever publishes it
# resolves and records: --build-arg BUILD_IMAGE=rust:1.95-bookworm@sha256:... --build-arg RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot@sha256:...
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    # Pages of arm64 hosts have up to 64 KiB; the allocator has to be built for the largest.
    case "$(uname -m)" in aarch64) export JEMALLOC_SYS_WITH_LG_PAGE=16 ;; esac; \
    cargo build --locked --release --bin gateway-migration-operator \
    && cp target/release/gateway-migration-operator /gateway-migration-operator

FROM ${RUNTIME_IMAGE}
COPY --from=build /gateway-migration-operator /usr/local/bin/gateway-migration-operator
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/gateway-migration-operator"]
CMD ["run"]
