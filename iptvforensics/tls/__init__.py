"""What TLS and QUIC have in common: hellos, fingerprints, certificates, and the columns that tell of them."""
