"""Packet columns to flows and in-order stream bytes."""
