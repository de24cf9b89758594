"""Labels of the map: islands, peaks, rings and coordinates do not cover each other."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from vwe_dagster_tests.site.browsing import PHONE, Visitor, visit
from vwe_dagster_tests.site.conftest import ONE

pytestmark = pytest.mark.browser

RECORD_TEXTS = """
const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
  this.canvas.texts = [];
  clearRect.apply(this, box);
};
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const width = this.measureText(text).width;
  const left = this.textAlign === "center" ? x - width / 2 : x;
  (this.canvas.texts ??= []).push({ text, left, right: left + width, top: y - 5, bottom: y + 5 });
  fillText.call(this, text, x, y);
};
"""
"""Records the boxes of texts on canvases, which have no elements."""

FIND_LABELS = """() => {
  const origin = document.querySelector("#map").getBoundingClientRect();
  const box = (element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return { text: element.textContent, left: left - origin.left, right: right - origin.left,
             top: top - origin.top, bottom: bottom - origin.top };
  };
  const seen = [...document.querySelectorAll(".place span")].filter((span) => span.checkVisibility());
  const drawn = [...document.querySelectorAll(".chart:not(.locations)")].flatMap((canvas) => canvas.texts ?? []);
  return { islands: seen.filter((span) => span.closest(".island")).map(box),
           peaks: seen.filter((span) => span.closest(".peak")).map(box), drawn };
}"""

VIEWS = [(0, 0, 1.5), (0, 0, 2), (2000, -1000, 2.75), (2000, -1000, 4), (2000, -1000, 5)]
"""Middle and zoom of views."""


def labels_at(visitor: Visitor, x: float, z: float, zoom: float) -> dict[str, list[dict[str, Any]]]:
    """Return the visible labels of a view by kind, with their boxes in pixels."""
    page = visitor.page
    page.evaluate(f"location.hash = 'at={x},{z}&zoom={zoom}&show=grid,rings,peak,island'")
    page.wait_for_url(f"**zoom={zoom}**")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    labels: dict[str, list[dict[str, Any]]] = page.evaluate(FIND_LABELS)
    return labels


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


@pytest.mark.parametrize("visitor", [{}, PHONE], ids=["desktop", "phone"], indirect=True)
def test_labels_do_not_overlap_at_any_zoom(visitor: Visitor) -> None:
    visitor.page.add_init_script(RECORD_TEXTS)
    visit(visitor.page, f"/worlds/{ONE}/#show=grid,rings,peak,island")
    found = [labels_at(visitor, *view) for view in VIEWS]
    for labels in found:
        pairs = itertools.combinations(itertools.chain(*labels.values()), 2)
        assert [(one["text"], other["text"]) for one, other in pairs if overlap(one, other)] == []
    assert all(labels["islands"] and labels["drawn"] for labels in found[:3])
    assert any("km" in label["text"] for label in found[0]["drawn"])
    # Labels that had no room appear on zooming in, and those of the first priority are always visible.
    assert any(labels["peaks"] for labels in found)
    closer = {label["text"] for label in found[2]["islands"]}
    assert closer - {label["text"] for label in found[1]["islands"]}
