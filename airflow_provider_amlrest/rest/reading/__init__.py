"""What a person has written is read, or refused in words: fields, values, references, lengths."""
