"""Analysis: all that stored records and predictions tell, without fitting again."""
