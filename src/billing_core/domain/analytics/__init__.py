"""Analytics: what a customer's facts mean for the books of the business.

From facts to entries (`entries_of`), from sums of entries to reports (`billing_core.domain.analytics.reports`).
Every entry names the facts behind it, so every figure can be drilled down to them (ADR 0006).
"""
