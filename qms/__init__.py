"""qms: the quality-management system that an external auditor can verify without trusting it."""

__version__ = "0.1.0"
