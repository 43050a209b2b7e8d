"""Machine translation as a protocol, with one engine, a file of ready translations, and a cache."""
