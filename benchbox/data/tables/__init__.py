"""Tables: files of ratings, read column by column."""
