"""What runs in the browser: JavaScript modules and style sheets, served under /assets."""
