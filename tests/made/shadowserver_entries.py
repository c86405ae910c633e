"""How Shadowserver's own schema maps the two reports that we take over from it.

What CERTs have installed, restated from intelmq.json of Shadowserver's report_schema as of
2026-03-24 (8e06fb9): column, IntelMQ key, conversion.
"""

_REQUIRED = [
    ["time.source", "timestamp", "add_UTC_to_timestamp"],
    ["source.ip", "ip", "validate_ip"],
    ["source.port", "port", "convert_int"],
]
_HEAD = [
    ["severity", "severity", "validate_to_none"],
    ["protocol.transport", "protocol"],
    ["source.reverse_dns", "hostname"],
    ["source.asn", "asn", "invalidate_zero"],
    ["source.geolocation.cc", "geo"],
    ["source.geolocation.region", "region"],
    ["source.geolocation.city", "city"],
    ["extra.source.naics", "naics", "invalidate_zero"],
    ["extra.", "hostname_source", "validate_to_none"],
    ["extra.source.sector", "sector", "validate_to_none"],
    ["product.vulnerabilities", "tag", "extract_cve_from_tag"],
]
_HTTP = [
    *(
        ["extra.", column, "validate_to_none"]
        for column in ("http", "http_reason", "content_type", "connection", "proxy_authenticate")
    ),
    *(["extra.", column, "validate_to_none"] for column in ("via", "server", "transfer_encoding")),
    ["extra.", "http_code", "convert_int"],
    ["extra.", "content_length", "convert_int"],
    ["extra.", "http_date", "convert_date"],
]


def entries() -> dict[str, dict[str, object]]:
    """``scan_socks`` and ``scan_http_proxy`` as IntelMQ's parser wants them."""
    return {
        "scan_socks": _entry(
            "scan_socks",
            "Accessible-SOCKS4/5-Proxy",
            {"classification.identifier": "open-socks"},
            [["protocol.application", "tag"], *_HEAD],
        ),
        "scan_http_proxy": _entry(
            "scan_http_proxy",
            "Open-HTTP-Proxy",
            {"classification.identifier": "open-http-proxy", "protocol.application": "http"},
            [["extra.", "tag", "validate_to_none"], *_HEAD, *_HTTP],
        ),
    }


def _entry(
    file: str, feed: str, constant: dict[str, str], optional: list[list[str]]
) -> dict[str, object]:
    return {
        "feed_name": feed,
        "file_name": file,
        "constant_fields": {
            "classification.taxonomy": "vulnerable",
            "classification.type": "vulnerable-system",
            **constant,
        },
        "required_fields": _REQUIRED,
        "optional_fields": optional,
    }
