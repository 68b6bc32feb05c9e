"""Protocols: named recipes that part ratings into visible and hidden ones."""
