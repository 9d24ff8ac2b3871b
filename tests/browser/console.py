"""What the browser complains of."""

from playwright.sync_api import Page


def complaints_of(page: Page) -> list[str]:
    """Return a list that gets every complaint."""
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints
