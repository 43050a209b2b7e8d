"""One LoRA adapter: its weights as plain tensors, read from and written to PEFT folders."""
