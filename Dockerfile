ARG NODE_IMAGE=node:24.21.0-trixie-slim
