"""The ground of `/api/v1/`: what every endpoint shares. How to add one: docs/reference/api.md."""
