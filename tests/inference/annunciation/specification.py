"""The annunciator once more, slowly: a diary a condition, searched anew every second.

Written from the rules in words, sharing no code with the machine but the table
of conditions and the policy's numbers. It has no timers and no phases: what is
so is found by looking back through all that was ever noted. Times are whole
seconds.
"""

from inference.alarm_transition import TransitionKind as T
from inference.annunciation.inputs import (
    Acknowledge,
    AlarmOff,
    AlarmOn,
    AudioOn,
    AudioPause,
    Change,
    Resume,
    SetLimits,
    Standby,
)
from inference.conditions import CONDITIONS, Kind, Priority

NAMES = [c.name for c in CONDITIONS]
OF = {c.name: c for c in CONDITIONS}
HIDERS = {
    c.name: [o.name for o in CONDITIONS if c.code in {int(h) for h in o.hides}] for c in CONDITIONS
}
LETHAL = {c.name for c in CONDITIONS if c.latching and c.priority is Priority.HIGH}
NO_TIME = -(10**9)


class Specification:
    """Give it all that was ever tried and the time; it says what was told, and what is so."""

    def __init__(self, policy, attempts, until_s):
        self.policy = policy
        self.diary = []  # (second, word, condition)
        self.place = {}  # of the latest of each word
        self.named = {getattr(what, "condition", "") for _, what in attempts}
        self.names = [c for c in NAMES if c in self.named]  # of the others there is nothing to say
        self.told = []  # (second, word, condition)
        self.verdicts = []  # was the attempt refused
        self.now = 0
        waiting = list(attempts)
        for second in range(until_s + 1):
            self.now = second
            self.let_time_pass()
            while waiting and waiting[0][0] == second:
                what = waiting.pop(0)[1]
                refused = self.refuses(what)
                self.verdicts.append(refused)
                if not refused:
                    self.do(what)
                    self.hide_and_uncover()

    # Looking back.
    def last(self, words, condition=""):
        """Place of the latest of some words in the diary; -1 if there is none."""
        return max([self.place.get((word, condition), -1) for word in words])

    def second_of(self, place):
        return NO_TIME if place < 0 else self.diary[place][0]

    def is_latest(self, word, others, condition=""):
        after = self.place.get((word, condition), -1)
        return after >= 0 and after > self.last(others, condition)

    def timing(self, c):
        return self.policy.timings[OF[c].priority]

    def present(self, c):
        return self.is_latest("raised", ["over"], c)

    def on(self, c):
        return self.is_latest("on", ["off"], c)

    def known(self, c):
        return self.on(c) and self.last(["ack"], c) > self.last(["on"], c)

    def over(self, c):
        return self.on(c) and not self.present(c)

    def latched(self, c):
        return self.over(c) and c in self.policy.latching and not self.known(c)

    def hides(self, c):
        return self.on(c) and not self.latched(c)

    def hidden(self, c):
        return any(self.hides(h) for h in HIDERS[c])

    def switched_off(self, c):
        return self.is_latest("alarm off", ["alarm on"], c)

    def standing_by(self):
        return self.is_latest("standby", ["resume"])

    def paused(self):
        return self.is_latest("pause", ["pause over"])

    def wanted_since(self, c):
        """Second from which a signal has been wanted; None while none is."""
        if not self.present(c) or self.switched_off(c) or self.standing_by():
            return None
        return max(
            self.second_of(self.last(["begun"], c)),
            self.second_of(self.last(["alarm on"], c)),
            self.second_of(self.last(["resume"])),
        )

    def waited(self, c):
        since = self.wanted_since(c)
        if since is None:
            return False
        timing = self.timing(c)
        ended = self.second_of(self.last(["ended itself"], c))
        return self.now >= since + timing.onset_delay_s and self.now >= ended + timing.refractory_s

    def sound(self):
        heard = [OF[c].priority for c in self.names if self.on(c) and not self.known(c)]
        for priority in (Priority.HIGH, Priority.MEDIUM, Priority.LOW):
            if priority in heard and not self.paused():
                return priority
        return None

    # Writing down.
    def note(self, word, condition=""):
        self.place[word, condition] = len(self.diary)
        self.diary.append((self.now, word, condition))

    def tell(self, word, condition=""):
        self.told.append((self.now, word, condition))

    def switch_on(self, c):
        self.note("on", c)
        self.tell("on", c)
        if c in LETHAL and self.paused():
            self.end_pause()

    def switch_off(self, c, by_itself):
        self.note("off", c)
        self.tell("off", c)
        if by_itself:
            self.note("ended itself", c)

    def end_pause(self):
        self.note("pause over")
        self.tell("audio_resumed")

    def hide_and_uncover(self):
        changed = True
        while changed:
            changed = False
            for c in self.names:
                if self.on(c) and self.hidden(c) and not self.latched(c):
                    self.switch_off(c, by_itself=False)
                    changed = True
                elif not self.on(c) and self.waited(c) and not self.hidden(c):
                    self.switch_on(c)
                    changed = True

    def let_time_pass(self):
        if self.paused() and self.now == self.pause_ends():
            self.end_pause()
            self.hide_and_uncover()
        for c in self.names:
            if not self.present(c) and not self.on(c):
                continue  # time changes nothing for it
            timing, n_noted = self.timing(c), len(self.diary)
            if self.over(c) and not self.latched(c):
                over_since = self.second_of(self.last(["over"], c))
                if self.now - over_since >= timing.end_delay_s:
                    self.switch_off(c, by_itself=True)
            if not self.on(c) and self.waited(c) and not self.hidden(c):
                self.switch_on(c)
            if len(self.diary) > n_noted:
                self.hide_and_uncover()
            unknown = self.on(c) and not self.known(c) and timing.escalation_s is not None
            on_since = self.second_of(self.last(["on"], c))
            if unknown and self.now == on_since + timing.escalation_s:
                self.tell("escalated", c)
            if self.known(c) and timing.reminder_s is not None:
                waited = self.now - self.second_of(self.last(["ack"], c))
                if waited > 0 and waited % timing.reminder_s == 0:
                    self.tell("reminder", c)

    def pause_ends(self):
        place = self.last(["pause"])
        return self.diary[place][0] + self.length

    # Being told.
    def refuses(self, what):
        who, why = getattr(what, "who", "x"), getattr(what, "why", "x")
        condition = getattr(what, "condition", "")
        if not who.strip() or not why.strip() or (condition and condition not in NAMES):
            return True
        match what:
            case Change(kind=T.LATCHED):
                return OF[condition].kind is Kind.TECHNICAL
            case Acknowledge():
                asked = [condition] if condition else self.names
                return not any(self.on(c) and not self.known(c) for c in asked)
            case AudioPause(length_s=length):
                length = self.policy.audio_pause_s if length is None else length
                return self.standing_by() or not 1 <= length <= self.policy.audio_pause_most_s
            case AudioOn():
                return not self.paused()
            case AlarmOff():
                harmless = OF[condition].priority is not Priority.HIGH and not OF[condition].hides
                return not harmless or self.switched_off(condition)
            case AlarmOn():
                return not self.switched_off(condition)
            case Standby():
                return self.standing_by()
            case Resume():
                return not self.standing_by()
            case SetLimits(limits=limits):
                return limits.get("pause_s", 0) >= 4.0 or not limits
        return False

    def do(self, what):
        if isinstance(what, Change):
            self.do_change(what)
        elif isinstance(what, Acknowledge | AudioPause | AudioOn):
            self.do_sound(what)
        else:
            self.do_switch(what)

    def do_change(self, what):
        match what:
            case Change(condition=c, kind=T.RAISED) if not self.present(c):
                was_latched = self.latched(c)
                if was_latched or not self.on(c):
                    self.note("begun", c)  # else it is the same signal, and need not wait again
                self.note("raised", c)
                if was_latched:
                    self.switch_off(c, by_itself=False)
                    if not self.hidden(c):
                        self.switch_on(c)
                elif not self.on(c) and self.wanted_since(c) is not None:
                    self.maybe_hold(c)
            case Change(condition=c, kind=T.ENDED | T.LATCHED) if self.present(c):
                self.note("over", c)
                if self.latched(c):
                    self.tell("latched", c)
                elif self.on(c) and (c in self.policy.latching or not self.timing(c).end_delay_s):
                    self.switch_off(c, by_itself=True)
            case Change(condition=c, kind=T.CLEARED) if self.latched(c):
                self.switch_off(c, by_itself=True)
            case Change(condition=c, kind=T.ACKNOWLEDGED) if self.on(c) and self.present(c):
                if not self.known(c):
                    self.acknowledge(c)

    def do_sound(self, what):
        match what:
            case Acknowledge(condition=c):
                for each in [c] if c else self.names:
                    if self.on(each) and not self.known(each):
                        self.acknowledge(each)
            case AudioPause(length_s=length):
                self.length = self.policy.audio_pause_s if length is None else length
                self.note("pause")
                self.tell("audio_paused")
            case AudioOn():
                self.end_pause()

    def do_switch(self, what):
        match what:
            case AlarmOff(condition=c):
                self.note("alarm off", c)
                if self.on(c):
                    self.switch_off(c, by_itself=False)
            case AlarmOn(condition=c):
                self.note("alarm on", c)
                if self.wanted_since(c) is not None:
                    self.maybe_hold(c)
            case Standby():
                self.note("standby")
                for c in self.names:
                    if self.on(c):
                        self.switch_off(c, by_itself=False)
                if self.paused():
                    self.end_pause()
            case Resume():
                self.note("resume")
                for c in self.names:
                    if self.wanted_since(c) is not None:
                        self.maybe_hold(c)

    def acknowledge(self, c):
        if self.over(c):
            self.switch_off(c, by_itself=True)
        else:
            self.note("ack", c)
            self.tell("acknowledged", c)

    def maybe_hold(self, c):
        ended = self.second_of(self.last(["ended itself"], c))
        if self.now < ended + self.timing(c).refractory_s:
            self.tell("held", c)
