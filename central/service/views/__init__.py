"""What pages and API show, page by page."""
