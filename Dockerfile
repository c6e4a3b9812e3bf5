# One image for each app: docker build --build-arg APP=user-service --tag rookery/user-service .
# tools/image/README.md says what is in it, and docs/decisions/0030-image.md why.
ARG NODE_IMAGE=node:24.21.0-trixie-slim

# Packages, for building. From the lock file alone: this is done again when that changes, not with every source.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY tools/schematics/package.json tools/schematics/
# No package needs its scripts for a build, and ours would want the protos.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund

FROM packages AS build
COPY . .
ARG APP
RUN ./node_modules/.bin/nest build "${APP}" && node tools/image/pack.mjs "${APP}" /packed

# Node.js and the libraries that it is linked to. The same layer for every app.
FROM ${NODE_IMAGE} AS node
COPY tools/image/node-root.sh /
RUN sh /node-root.sh /node-root

FROM scratch
COPY --from=node /node-root /
# The bundle has file names of the build in it, and finds node_modules by them: the folder is the same here.
WORKDIR /app
COPY --from=build /packed ./
COPY tools/image/signals.mjs tools/image/healthcheck.mjs LICENSE ./

ENV NODE_ENV=production GRPC_PORT=50051 HTTP_PORT=8080
EXPOSE 50051 8080
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=3s --start-period=2m \
  CMD ["/usr/local/bin/node", "/app/healthcheck.mjs"]
# The heap may take 60 % of the container's memory limit; what is outside of it needs the rest.
ENTRYPOINT ["/usr/local/bin/node", "--max-old-space-size-percentage=60", "--import=/app/signals.mjs", "/app/main.js"]

ARG APP
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="${APP}" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="MIT"
