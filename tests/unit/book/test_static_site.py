import base64
import hashlib

from static_site import finish_page, policy

STATE = (
    '<script type="application/vnd.jupyter.widget-state+json">{"state": {"m1": {"state": '
    '{"description": "A \\"dial\\""'
    ', "task": "Turn?", "reserve": 300, "reserve_narrow": 500}}}}</script>'
)
VIEW = '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "m1"}</script>'


def hashed(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_the_policy_names_inline_scripts_and_handlers_by_hash_but_not_data():
    page = f'<script>go()</script><script src="x.js"></script>{STATE}<p onclick="a(&quot;b&quot;)">'
    assert hashed("go()") in policy(page)
    assert hashed('a("b")') in policy(page)
    assert policy(page).count("sha256-") == 2


def test_every_handler_of_a_tag_is_named():
    found = policy('<input onfocus="one()" class="x" onblur="two()">')
    assert hashed("one()") in found
    assert hashed("two()") in found


def test_a_page_that_parses_others_names_their_handlers_too():
    assert hashed("far()") in policy("<p>", ['<a onclick="far()">'])
    assert hashed("far()") not in policy("<p>")


def test_the_icon_script_goes_and_other_scripts_stay():
    page = (
        '<head><link rel="preload" as="script" href="_static/scripts/fontawesome.js?digest=1" />'
        '<script src="_static/scripts/fontawesome.js?digest=1"></script><script src="a.js"></script></head>'
    )
    finished = finish_page(page, "")
    assert "fontawesome" not in finished
    assert 'src="a.js"' in finished


def test_a_widget_keeps_its_room_and_says_what_it_shows_without_scripts():
    finished = finish_page(f"<head></head><body>{VIEW}{STATE}</body>", "../")
    assert 'data-model="m1"' in finished
    assert "--ktn-reserve: 300px; --ktn-reserve-narrow: 500px" in finished
    assert "<noscript><p>A &quot;dial&quot;</p><p>Turn?</p></noscript>" in finished


def test_the_widgets_script_runs_before_the_formulas():
    mathjax = '<script defer src="../_static/lib/mathjax/tex-mml-chtml.js?v=1"></script>'
    widgets = '<script defer src="../_static/widgets.js?v=2"></script>'
    finished = finish_page(f"<head>{mathjax}\n{widgets}\n</head>", "")
    assert finished.index("widgets.js") < finished.index("tex-mml-chtml.js")
    assert finished.count("widgets.js") == 1
