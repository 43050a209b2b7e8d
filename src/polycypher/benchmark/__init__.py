"""The bench: what fusion costs beside a plain adapter, in one interleaved run. Asserts no time."""
