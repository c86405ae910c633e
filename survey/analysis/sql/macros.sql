-- Text at the edge.  Used by: notebook.py.
-- ip_text(ip): an IPv4 number as dotted text.
CREATE MACRO ip_text(ip) AS
    concat_ws('.', (ip >> 24) & 255, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
-- block_text(block): the first address of a /24 as text of the block.
CREATE MACRO block_text(block) AS ip_text(block) || '/24';
-- ip_number(address): dotted text as a number.
CREATE MACRO ip_number(address) AS CAST(
    list_reduce(
        list_transform(string_split(address, '.'), lambda part: CAST(part AS UBIGINT)),
        lambda total, part: total * 256 + part
    ) AS UINTEGER
);
-- peer_text(peer): 16 bytes of an arrival or exit as text, IPv4 if it is mapped (RFC 4291 s2.5.5.2).
CREATE MACRO peer_text(peer) AS CASE
    WHEN hex(peer) LIKE '00000000000000000000FFFF%'
        THEN ip_text(CAST('0x' || right(hex(peer), 8) AS UINTEGER))
    ELSE rtrim(lower(regexp_replace(hex(peer), '(....)', '\1:', 'g')), ':')
END;
-- bytes_text(data): a stranger's bytes, what is not printable ASCII as \xNN.
CREATE MACRO bytes_text(data) AS CAST(data AS VARCHAR);
