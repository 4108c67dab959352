"""What is kept beside the data: ledger, cursors, builds."""
