"""What the bodies of subscriber services have in common: tables, loose values, items of JSON, lines.

Accounts, channel lists and programme guides come in a dozen formats. Each format is a protocol of its own;
protocols do not know each other, so what they share stands here.
"""
