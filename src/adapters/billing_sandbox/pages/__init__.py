"""What people see: the checkout page, the customer portal, and a developer's index. Plain HTML, no script."""
