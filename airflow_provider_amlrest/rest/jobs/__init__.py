"""Jobs: what they are, and how Azure ML spells them."""
