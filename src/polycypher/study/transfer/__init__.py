"""Every way to combine adapters, or to bring in a language, in one table: `transfer.json`."""
