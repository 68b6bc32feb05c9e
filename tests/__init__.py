"""The tests of benchbox; folders mirror the packages they test."""
