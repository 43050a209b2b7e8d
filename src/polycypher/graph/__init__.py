"""Property graphs: read-only access over Bolt, the embedded server, named graphs and their loading."""
