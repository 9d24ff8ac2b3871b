"""What the browser complains of."""

from playwright.sync_api import Page


def complaints_of(page: Page) -> list[str]:
    """Return a list that gets every complaint, save that networks came or went, as Docker's do beside the tests."""
    complaints: list[str] = []

    def complain(text: str) -> None:
        if "ERR_NETWORK_CHANGED" not in text:
            complaints.append(text)

    page.on("console", lambda message: complain(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complain(str(error)))
    return complaints
