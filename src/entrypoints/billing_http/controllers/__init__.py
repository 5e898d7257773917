"""Controllers: one per area of docs/reference/http-api.md. They read, call one use case, and present."""
