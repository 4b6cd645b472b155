"""Reads and checks what users write: fields, values, references, lengths."""
