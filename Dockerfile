# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    # Pages of arm64 hosts have up to 64 KiB; the allocator has to be built for the largest.
    case "$(uname -m)" in aarch64) export JEMALLOC_SYS_WITH_LG_PAGE=16 ;; esac; \
    cargo build --locked --release --bin gateway-migration-operator \
    && cp target/release/gateway-migration-operator /gateway-migration-operator

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /gateway-migration-operator /usr/local/bin/gateway-migration-operator
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/gateway-migration-operator"]
CMD ["run"]
