"""Blocks to packet columns."""
