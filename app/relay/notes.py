"""What the agent reads of an edit, a deletion or a reaction: a note that quotes what it is about.

HubSpot can change nothing that it has shown, so each is a message of its own.
"""

from __future__ import annotations

from app.domain.message import Content, Kind
from app.domain.rich_text.characters import beginning
from app.domain.rich_text.opening import begin_with
from app.relay.services import Services
from app.storage import quotes
from app.storage.messages import Head
from app.storage.quotes import Said

#: Characters of the quoted message that are shown, and of the text before an edit.
_QUOTED = 80
_BEFORE = 500

#: What stands for a message that is not known here, or says nothing.
_UNKNOWN = "an earlier message"
_NOTHING = "(no text)"


def worded(services: Services, head: Head) -> Content:
    """Return what a message says, with the note in words, and quoting the message that it is about."""
    if head.kind not in _WORDS or head.content.is_placeholder:
        return head.content
    with services.database.read() as connection:
        target = quotes.about(connection, head)
    note = _WORDS[head.kind](head.content, target)
    return note.model_copy(update={"reply_to": target.service_id if target else head.service_id})


def _edit(content: Content, target: Said | None) -> Content:
    """Show the text before and after; the new one is whole, because it is what the customer wants to have said."""
    text = content.text if content.text.strip() else quotes.in_a_word(content) or _NOTHING
    before = (target.text or target.kind_in_words or _NOTHING) if target else text
    lead = f"[edited] before: {beginning(before, _BEFORE)}\nafter: " if before != text else "[edited] "
    return content.model_copy(update={"text": lead + text, "html": begin_with(lead, content.html)})


def _deletion(content: Content, target: Said | None) -> Content:
    if target is not None and target.kind is Kind.REACTION:
        return _reaction(content.model_copy(update={"text": target.text, "is_withdrawn": True}), target.about)
    word = "[took an edit back]" if target is not None and target.kind is Kind.EDIT else "[deleted]"
    reason = f" ({content.text})" if content.text else ""
    return content.model_copy(update={"text": f"{word} {_shown(target)}{reason}", "html": None})


def _reaction(content: Content, target: Said | None) -> Content:
    taken_back = f"took back {content.text or 'a reaction'} from"
    lead = taken_back if content.is_withdrawn else f"{content.text} to"
    joint = ": " if target is not None else " "
    return content.model_copy(update={"text": f"{lead}{joint}{_shown(target)}", "html": None})


def _shown(target: Said | None) -> str:
    """Return the first words of a message between quotation marks; what it holds, where it has no words."""
    words = beginning(" ".join(target.text.split()), _QUOTED) if target else ""
    return f"“{words}”" if words else (target and target.kind_in_words) or _UNKNOWN


_WORDS = {Kind.EDIT: _edit, Kind.DELETION: _deletion, Kind.REACTION: _reaction}
