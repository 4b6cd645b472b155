"""Microsoft Entra ID: who asks for a token and with which proof, and the keys and certificates behind it."""
