"""What others read about a project and its runs: dbt's artifacts, and pages for people."""
