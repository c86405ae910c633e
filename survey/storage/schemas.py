"""The Arrow schema of every table, each field with its meaning in ``metadata["doc"]``.

The data dictionary is generated from here.  Each table's grain is in its schema metadata.
Times are microseconds UTC; ``ip`` is an IPv4 number, text only at the edge (decision 0001).
"""

import pyarrow as pa

UTC = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, doc: str, *, null: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=null, metadata={"doc": doc})


def _schema(grain: str, *fields: pa.Field) -> pa.Schema:
    return pa.schema(fields, metadata={"grain": grain})


OBSERVATIONS = _schema(
    "one per (run, ip, port, probe, variant, canary_port, tls, attempt) that answered",
    _field("run", pa.string(), "run id"),
    _field("round", pa.uint16(), "0 the scan, then its rounds of follow-ups"),
    _field("shard", pa.uint32(), "shard of that round that made it"),
    _field("process", pa.string(), "mark of the process that made it, drawn at its start"),
    _field("ip", pa.uint32(), "tested address"),
    _field("port", pa.uint16(), "tested port"),
    _field("probe", pa.string(), "which test"),
    _field("variant", pa.string(), "envelope id for relays; echo, mail or web for tunnels"),
    _field("canary_port", pa.uint16(), "canary port asked for; 0 for relays"),
    _field("tls", pa.bool_(), "whether it ran over TLS"),
    _field("attempt", pa.uint8(), "0 first, then follow-ups"),
    _field("started_at", UTC, "start of the connection"),
    _field("duration", pa.float32(), "seconds until the end"),
    _field("step", pa.string(), "how far it got (model.observation.Step)"),
    _field("failure", pa.string(), "why it ended early (model.failure.Failure)", null=True),
    _field("protocol", pa.string(), "what the peer was heard to speak", null=True),
    _field("refused_at", pa.string(), "command whose reply was a refusal", null=True),
    _field("code", pa.int32(), "code of the last reply", null=True),
    _field("reply", pa.binary(), "last reply, at most 512 bytes, hostile"),
    _field("token", pa.string(), "token this conversation carried"),
    _field("nonce", pa.string(), "canary's nonce as it came back"),
    _field("received", pa.binary(), "first bytes from the peer, at most 512, hostile"),
    _field("sent", pa.binary(), "first bytes we sent, at most 512"),
    _field("bytes_in", pa.uint32(), "all bytes from the peer"),
    _field("bytes_out", pa.uint32(), "all bytes we sent"),
    _field("source", pa.uint32(), "local address it was sent from", null=True),
    _field("reason", pa.string(), "of a follow-up (model.followup.Reason), or empty"),
    _field("client", pa.string(), "whose client carried it (model.client.Client)"),
)

RECEIPTS = _schema(
    "one per committed shard of a run",
    _field("run", pa.string(), "run id"),
    _field("plan_hash", pa.string(), "SHA-256 of the plan, hex"),
    _field("shard", pa.uint32(), "index of the shard"),
    _field("first_index", pa.uint64(), "first plan index of the shard"),
    _field("addresses", pa.uint32(), "plan indices in the shard"),
    _field("attempt", pa.uint16(), "which handing-out of the shard"),
    _field("slot", pa.uint16(), "slot it used"),
    _field("epoch", pa.uint32(), "coordinator's epoch"),
    _field("worker", pa.string(), "host:pid"),
    _field("version", pa.string(), "version of this package"),
    _field("started_at", UTC, "start of the work"),
    _field("finished_at", UTC, "end of the work"),
    _field("planned", pa.uint64(), "targets; = sent + excluded + opted_out"),
    _field("excluded", pa.uint64(), "targets kept back by the gate"),
    _field("opted_out", pa.uint64(), "targets kept back by an opt-out"),
    _field("sent", pa.uint64(), "targets dialled; = open + refused + silent + unreachable"),
    _field("open", pa.uint64(), "accepted the connection"),
    _field("refused", pa.uint64(), "answered with a reset"),
    _field("silent", pa.uint64(), "did not answer in time"),
    _field("unreachable", pa.uint64(), "reported unreachable"),
    _field("conversations", pa.uint64(), "probe connections after discovery"),
    _field("aborted", pa.uint64(), "conversations broken off by opt-out or stop"),
    _field("packets", pa.uint64(), "packets charged against the cap"),
    _field("observations", pa.uint64(), "rows written"),
    _field("max_rate", pa.uint32(), "most packets charged in any one second"),
    _field("round", pa.uint16(), "0 the scan; in a round of follow-ups, indices are of its list"),
    _field("late", pa.uint64(), "SYN discovery: answers of targets given up as silent"),
    _field("strange", pa.uint64(), "SYN discovery: answers that no probe of the shard explains"),
    _field("dropped", pa.uint64(), "SYN discovery: answers lost, perhaps of silent targets"),
    _field("rechecked", pa.uint64(), "targets dialled again, to tell what one look misses"),
    _field("reopened", pa.uint64(), "of those, accepted the second connection"),
    _field("missed", pa.uint64(), "of those again, had not accepted the first"),
    _field("purged", pa.uint64(), "of observations, rows not kept any more (retention.md)"),
    _field("evidence", pa.bool_(), "whether its rows still have the bytes of strangers"),
)

FOUND = _schema(
    "one per target that another scanner found open; sorted, frozen with the plan",
    _field("index", pa.uint32(), "plan index of its address"),
    _field("port", pa.uint16(), "port"),
)

ARRIVALS = _schema(
    "one per event at the canary",
    _field("at", UTC, "when"),
    _field("kind", pa.string(), "what it was (model.arrival.ArrivalKind)"),
    _field("token", pa.string(), "verified token, or empty"),
    _field("nonce", pa.string(), "what the canary answered, or empty"),
    _field("peer", pa.binary(16), "address of the last hop, IPv4 mapped"),
    _field("peer_port", pa.uint16(), "its source port"),
    _field("canary_port", pa.uint16(), "our port"),
    _field("complete", pa.bool_(), "message: whole, and its own HMAC was in its body"),
    _field("sender", pa.binary(), "envelope sender, hostile"),
    _field("helo", pa.binary(), "what the peer called itself, hostile"),
    _field("size", pa.uint32(), "bytes of the message or conversation"),
    _field("headers", pa.binary(), "lines that name a proxy or its client, max 512, hostile"),
)

FINDINGS = _schema(
    "one per (campaign, run, ip, port, probe)",
    _field("campaign", pa.string(), "campaign id"),
    _field("run", pa.string(), "run id"),
    _field("ip", pa.uint32(), "tested address"),
    _field("port", pa.uint16(), "tested port"),
    _field("probe", pa.string(), "which test"),
    _field("verdict", pa.string(), "open, suspected, closed or unknown"),
    _field("rung", pa.uint8(), "0..7, how far up the ladder"),
    _field("rule", pa.string(), "published id of the rule that decided"),
    _field("exit_ip", pa.binary(16), "where it came out at the canary, IPv4 mapped", null=True),
    _field("adds_identity", pa.string(), "headers it adds (Via, ...); null: not seen", null=True),
    _field("flags", pa.list_(pa.string()), "what to know beside the verdict (model.flag.Flag)"),
    _field("first_seen", UTC, "first observation behind it"),
    _field("last_seen", UTC, "last observation behind it"),
    _field("proven_at", UTC, "last observation that our canary confirmed", null=True),
    _field("proven_by", pa.string(), "whose client made that (model.client.Client)", null=True),
    _field("variant", pa.string(), "variant that decided"),
    _field("code", pa.int32(), "code of the deciding reply", null=True),
    _field("reply", pa.binary(), "deciding reply, hostile"),
    _field(
        "banner", pa.binary(), "what the peer itself said first, hostile; not our canary's words"
    ),
    _field("software", pa.string(), "what answered on this port (fingerprints.md)", null=True),
    _field("software_version", pa.string(), "its version, as it says", null=True),
    _field("software_named", pa.bool_(), "whether it named itself; else its ways", null=True),
    _field("software_sign", pa.string(), "fingerprint that decided", null=True),
    _field("host", pa.string(), "its own name, shown to resolve to the address", null=True),
    _field("country", pa.string(), "ISO country where the address was that day", null=True),
    _field("asn", pa.uint32(), "network of the address on that day", null=True),
    _field("network", pa.string(), "name of that network", null=True),
    _field("registry_country", pa.string(), "ISO country it was registered in", null=True),
    _field("holder", pa.string(), "who it was registered to, registry:opaque id", null=True),
    _field("organisation", pa.string(), "who ran that network", null=True),
    _field("country_conflict", pa.bool_(), "both countries known and not the same", null=True),
    _field("country_snapshot", pa.string(), "registry snapshot used for country", null=True),
    _field("network_snapshot", pa.string(), "the one for network", null=True),
    _field("registration_snapshot", pa.string(), "the one for registration", null=True),
    _field("organisation_snapshot", pa.string(), "the one for organisation", null=True),
)

HOSTS = _schema(
    "one per (campaign, run, ip) with a finding; sorted by ip",
    _field("campaign", pa.string(), "campaign id"),
    _field("run", pa.string(), "run id"),
    _field("ip", pa.uint32(), "tested address"),
    _field("rung", pa.uint8(), "highest rung of its findings; from 1 on it answered"),
    _field("verdict", pa.string(), "over all its findings: open, suspected, unknown, closed"),
    _field("relay", pa.string(), "the same over its relay findings", null=True),
    _field("proxy", pa.string(), "the same over its proxy findings", null=True),
    _field("relay_rung", pa.uint8(), "highest rung of its relay findings", null=True),
    _field("proxy_rung", pa.uint8(), "highest rung of its proxy findings", null=True),
    _field("country", pa.string(), "ISO country where the address was that day", null=True),
    _field("asn", pa.uint32(), "network of the address on that day", null=True),
    _field("network", pa.string(), "name of that network", null=True),
    _field("registry_country", pa.string(), "ISO country it was registered in", null=True),
    _field("holder", pa.string(), "who it was registered to, registry:opaque id", null=True),
    _field("organisation", pa.string(), "who ran that network", null=True),
    _field("country_conflict", pa.bool_(), "both countries known and not the same", null=True),
    _field("country_snapshot", pa.string(), "registry snapshot used for country", null=True),
    _field("network_snapshot", pa.string(), "the one for network", null=True),
    _field("registration_snapshot", pa.string(), "the one for registration", null=True),
    _field("organisation_snapshot", pa.string(), "the one for organisation", null=True),
)


CHECKS = _schema(
    "one per (campaign, run, round, ip, port, kind): what one look at a target said",
    _field("campaign", pa.string(), "campaign id"),
    _field("run", pa.string(), "run id"),
    _field("round", pa.uint16(), "0 the scan, then its rounds of follow-ups"),
    _field("ip", pa.uint32(), "tested address"),
    _field("port", pa.uint16(), "tested port"),
    _field("kind", pa.string(), "relay or proxy"),
    _field("at", UTC, "start of its last observation"),
    _field("state", pa.string(), "open, closed, or unknown: neither was shown (a timeout, too)"),
    _field("rung", pa.uint8(), "0..7, how far up the ladder"),
    _field("open_probes", pa.uint16(), "probes that were proven: bit code - 1 of each"),
    _field("closed_probes", pa.uint16(), "probes that were refused, in the same bits"),
)

EPISODES = _schema(
    "one per continuous exposure of (campaign, ip, port, kind); sorted by it",
    _field("campaign", pa.string(), "campaign id"),
    _field("ip", pa.uint32(), "address"),
    _field("port", pa.uint16(), "port"),
    _field("kind", pa.string(), "relay or proxy"),
    _field("number", pa.uint16(), "1 for the first episode of (campaign, ip, port, kind)"),
    _field("state", pa.string(), "new, regressed, persistent, fixed or lost, as of the last run"),
    _field("opened_as", pa.string(), "new or regressed (a fix did not last 90 days)"),
    _field("before", pa.string(), "how the episode before it ended: fixed, lost", null=True),
    _field("closed_before", UTC, "last negative check before it; null: there was none", null=True),
    _field("opened_at", UTC, "first check that proved it open"),
    _field("opened_run", pa.string(), "run of that check"),
    _field("last_open_at", UTC, "last check that proved it open"),
    _field("last_open_run", pa.string(), "run of that check"),
    _field("fixed_at", UTC, "first of the negative checks that ended it", null=True),
    _field("confirmed_at", UTC, "first one on another day: from then on it was known", null=True),
    _field("lost_at", UTC, "end of the fourth run in a row that said nothing", null=True),
    _field("lost_by", pa.string(), "silence: checks without an answer; absence: none", null=True),
    _field("closing_at", UTC, "first negative check that waits for a second one", null=True),
    _field("checked_at", UTC, "last check while it lasted, whatever it said"),
    _field("open_checks", pa.uint32(), "checks that proved it open"),
    _field("closed_checks", pa.uint32(), "negative checks until its end"),
    _field("unknown_checks", pa.uint32(), "checks that said nothing"),
    _field("rung", pa.uint8(), "highest rung of its checks"),
    _field("probes", pa.list_(pa.string()), "which tests proved it at its opening"),
    _field("software", pa.string(), "what answered when it opened (fingerprints.md)", null=True),
    _field("host", pa.string(), "its own name, shown to resolve to the address", null=True),
    _field("exit_ip", pa.binary(16), "where it came out at the canary, IPv4 mapped", null=True),
    _field("country", pa.string(), "ISO country where the address was when it opened", null=True),
    _field("asn", pa.uint32(), "network of the address when it opened", null=True),
    _field("network", pa.string(), "name of that network", null=True),
    _field("registry_country", pa.string(), "ISO country it was registered in", null=True),
    _field("holder", pa.string(), "who it was registered to, registry:opaque id", null=True),
    _field("organisation", pa.string(), "who ran that network", null=True),
    _field("country_snapshot", pa.string(), "registry snapshot used for country", null=True),
    _field("network_snapshot", pa.string(), "the one for network", null=True),
    _field("registration_snapshot", pa.string(), "the one for registration", null=True),
    _field("organisation_snapshot", pa.string(), "the one for organisation", null=True),
    _field("moved_to", pa.uint32(), "suggestion: the same server later stood here", null=True),
    _field("moved_from", pa.uint32(), "suggestion: the same server stood here before", null=True),
    _field("moved_by", pa.string(), "what they share: host, greeting or exit", null=True),
    _field("as_of", UTC, "last moment whose checks count"),
)

TOLD = _schema(
    "one per (campaign, case, ip, port, kind) that was told, or drawn by lot (experiments.md)",
    _field("campaign", pa.string(), "campaign id"),
    _field("ip", pa.uint32(), "address"),
    _field("port", pa.uint16(), "port"),
    _field("kind", pa.string(), "relay or proxy"),
    _field("started_at", UTC, "told: first letter sent; held_out: lot drawn; else null", null=True),
    _field("label", pa.string(), "told, or held_out: drawn by lot to wait, told later or not"),
    _field("case", pa.string(), "number of its case"),
    _field("agency", pa.string(), "in whose name the letter is"),
    _field("experiment", pa.string(), "reference of the signed experiment; empty: no lot"),
    _field("drawn_at", UTC, "when the lot was drawn", null=True),
    _field("until", UTC, "until when it waited; null: it needn't", null=True),
    _field("language", pa.string(), "arm: a tag, or operator: the operator's own"),
    _field("medium", pa.string(), "arm: text or pdf"),
    _field("wording", pa.string(), "arm: findings_first or steps_first"),
    _field("sent_at", UTC, "when the first letter was sent, if it was", null=True),
    _field("delivered", pa.bool_(), "taken by a mail server, no bounce; null: unsent", null=True),
    _field("bounced", pa.bool_(), "came back; null: unsent", null=True),
)

WATCHED = _schema(
    "one per target that gets a row in a run whatever it says; frozen with the plan, sorted",
    _field("ip", pa.uint32(), "address"),
    _field("port", pa.uint16(), "port"),
    _field("reason", pa.string(), "episode: open or fixed lately; listing; case"),
)


SNAPSHOTS = _schema(
    "one per registry snapshot",
    _field("id", pa.string(), "as rows of other tables name it"),
    _field("kind", pa.string(), "what it says (storage.registries.SnapshotKind)"),
    _field("source", pa.string(), "who publishes it"),
    _field("licence", pa.string(), "its terms, or empty"),
    _field("attribution", pa.string(), "line that its terms ask for, or empty"),
    _field("retrieved_at", UTC, "when it was fetched; in force from that day on"),
    _field("sha256", pa.string(), "of the publisher's file"),
    _field("rows", pa.uint64(), "rows of its table"),
)

COUNTRY_RANGES = _schema(
    "one per address range of a country snapshot; sorted, disjoint",
    _field("range_start", pa.uint32(), "first address"),
    _field("range_end", pa.uint32(), "last address"),
    _field("country", pa.string(), "ISO 3166-1 alpha-2"),
)

NETWORK_RANGES = _schema(
    "one per address range of a network snapshot; sorted, disjoint",
    _field("range_start", pa.uint32(), "first address"),
    _field("range_end", pa.uint32(), "last address"),
    _field("asn", pa.uint32(), "autonomous system number"),
    _field("network", pa.string(), "name of the network"),
)

REGISTRATION_RANGES = _schema(
    "one per address range of a registration snapshot; sorted, disjoint",
    _field("range_start", pa.uint32(), "first address"),
    _field("range_end", pa.uint32(), "last address"),
    _field("registry", pa.string(), "regional registry that keeps it: ripencc, arin, ..."),
    _field("country", pa.string(), "ISO country of its holder; EU, AP: a region", null=True),
    _field("status", pa.string(), "allocated or assigned; available or reserved: nobody's"),
    _field("holder", pa.string(), "registry:opaque id, the same for all of a holder's", null=True),
    _field("since", pa.date32(), "day of the delegation, if known", null=True),
)

ORGANISATIONS = _schema(
    "one per autonomous system of an organisation snapshot; sorted by asn",
    _field("asn", pa.uint32(), "autonomous system number"),
    _field("network", pa.string(), "name of the network in its registry"),
    _field("organisation", pa.string(), "name of the organisation that runs it"),
    _field("organisation_id", pa.string(), "the publisher's id of the organisation"),
    _field("country", pa.string(), "ISO country of the organisation", null=True),
    _field("holder", pa.string(), "registry:opaque id, as in registration_ranges", null=True),
)

CONTACT_RANGES = _schema(
    "one per address range of a contact snapshot; sorted, disjoint",
    _field("range_start", pa.uint32(), "first address"),
    _field("range_end", pa.uint32(), "last address"),
    _field("email", pa.string(), "who answers for it"),
    _field("name", pa.string(), "organisation"),
    _field("language", pa.string(), "its language (BCP 47), or empty"),
)

CONTACT_ANSWERS = _schema(
    "one per mailbox of what a source of contacts last answered, or one without a mailbox",
    _field("range_start", pa.uint32(), "first address that the answer holds for"),
    _field("range_end", pa.uint32(), "last address"),
    _field("source", pa.string(), "who was asked (model.contact.ContactSource)"),
    _field("state", pa.string(), "what is known: found, nobody, unsure"),
    _field("place", pa.uint8(), "0 the best mailbox of the answer"),
    _field("email", pa.string(), "who answers for the addresses", null=True),
    _field("name", pa.string(), "organisation, a stranger's words", null=True),
    _field("language", pa.string(), "its language (BCP 47), or empty", null=True),
    _field("server", pa.string(), "who said so"),
    _field("trouble", pa.string(), "why nothing is known, or empty"),
    _field("since", UTC, "since when in a row it is so"),
    _field("asked_at", UTC, "when it was last asked"),
)

LISTING_RANGES = _schema(
    "one per entry of a listing snapshot that names addresses; sorted, may overlap",
    _field("range_start", pa.uint32(), "first address"),
    _field("range_end", pa.uint32(), "last address"),
    _field("listing", pa.string(), "name of the public database"),
    _field("since", UTC, "listed since, as the publisher says", null=True),
    _field("code", pa.string(), "its return code, as 127.0.0.2", null=True),
    _field("reason", pa.string(), "what it says of the entry, a stranger's words", null=True),
    _field("seen_since", UTC, "first of our copies in a row that has the entry"),
)

LISTING_NAMES = _schema(
    "one per entry of a listing snapshot that names hosts; sorted",
    _field("name", pa.string(), "domain name, lower case"),
    _field("below", pa.bool_(), "whether it means the names below it; else itself"),
    _field("listing", pa.string(), "name of the public database"),
    _field("excluded", pa.bool_(), "the name is taken out of a wider entry"),
    _field("code", pa.string(), "its return code, as 127.0.0.2", null=True),
    _field("reason", pa.string(), "what it says of the entry, a stranger's words", null=True),
    _field("seen_since", UTC, "first of our copies in a row that has the entry"),
)

LISTING_CHECKS = _schema(
    "one per (listing, ip) that was asked over DNS",
    _field("listing", pa.string(), "zone of the public database"),
    _field("ip", pa.uint32(), "address that was asked for"),
    _field("state", pa.string(), "last answer: listed, not_listed, unknown"),
    _field("code", pa.string(), "its return codes, when last listed", null=True),
    _field("reason", pa.string(), "what the campaign says that they mean", null=True),
    _field("since", UTC, "first look-up in a row that found it listed", null=True),
    _field("last_seen", UTC, "last look-up that found it listed", null=True),
    _field("checked_at", UTC, "last look-up with an answer, listed or not", null=True),
    _field("asked_at", UTC, "last look-up"),
)

COUNTS = _schema(
    "one per group of a run's verdicts that have gone (retention.md); no address",
    _field("counted", pa.string(), "what was counted: findings or hosts"),
    _field("campaign", pa.string(), "campaign id"),
    _field("run", pa.string(), "run id"),
    _field("probe", pa.string(), "which test; null for hosts", null=True),
    _field("verdict", pa.string(), "open, suspected, closed or unknown"),
    _field("rung", pa.uint8(), "0..7, how far up the ladder"),
    _field("relay", pa.string(), "verdict over relay findings; hosts only", null=True),
    _field("proxy", pa.string(), "verdict over proxy findings; hosts only", null=True),
    _field("software", pa.string(), "what answered; findings only", null=True),
    _field("country", pa.string(), "ISO country where the address was that day", null=True),
    _field("asn", pa.uint32(), "network of the address on that day", null=True),
    _field("network", pa.string(), "name of that network", null=True),
    _field("registry_country", pa.string(), "ISO country it was registered in", null=True),
    _field("count", pa.uint64(), "how many"),
)

TABLES: dict[str, pa.Schema] = {
    "observations": OBSERVATIONS,
    "receipts": RECEIPTS,
    "found": FOUND,
    "arrivals": ARRIVALS,
    "findings": FINDINGS,
    "hosts": HOSTS,
    "checks": CHECKS,
    "episodes": EPISODES,
    "told": TOLD,
    "watched": WATCHED,
    "counts": COUNTS,
    "snapshots": SNAPSHOTS,
    "country_ranges": COUNTRY_RANGES,
    "network_ranges": NETWORK_RANGES,
    "registration_ranges": REGISTRATION_RANGES,
    "organisations": ORGANISATIONS,
    "contact_ranges": CONTACT_RANGES,
    "contact_answers": CONTACT_ANSWERS,
    "listing_ranges": LISTING_RANGES,
    "listing_names": LISTING_NAMES,
    "listing_checks": LISTING_CHECKS,
}
