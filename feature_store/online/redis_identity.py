"""Merged shoppers in Redis: who was merged into whom, and for every id the group it belongs to.

The groups are kept ready, so that a request finds all ids of a shopper with one look-up. One script
changes both hashes; an id's own history and document never move.
"""

from typing import Final

from feature_store.online.redis_link import RedisPart
from recsys.errors import InputError

__all__ = ["RedisIdentity"]

# KEYS: into, groups. ARGV: from, into, at. A group is its ids, its root first, joined by line feeds.
_MERGE: Final = """
local from, into = ARGV[1], ARGV[2]
local held = redis.call('HGET', KEYS[1], from)
if held then
  local parent = string.match(held, '^[^\\n]*')
  if parent == into then return {0, parent} else return {2, parent} end
end
local function group_of(id) return redis.call('HGET', KEYS[2], id) or id end
local ours, theirs = group_of(from), group_of(into)
for id in string.gmatch(ours, '[^\\n]+') do
  if id == into then return {3, into} end
end
redis.call('HSET', KEYS[1], from, into .. '\\n' .. ARGV[3])
local group = theirs .. '\\n' .. ours
for id in string.gmatch(group, '[^\\n]+') do redis.call('HSET', KEYS[2], id, group) end
return {1, into}
"""

# KEYS: into, groups. ARGV: from, into. Parts the group into the ids whose way up passes `from`, and the rest.
_UNMERGE: Final = """
local from, into = ARGV[1], ARGV[2]
local held = redis.call('HGET', KEYS[1], from)
if not held or string.match(held, '^[^\\n]*') ~= into then return 0 end
local group = redis.call('HGET', KEYS[2], from)
redis.call('HDEL', KEYS[1], from)
local function is_below(id)
  while id do
    if id == from then return true end
    local up = redis.call('HGET', KEYS[1], id)
    id = up and string.match(up, '^[^\\n]*')
  end
  return false
end
local parts = {{from}, {}}
for id in string.gmatch(group, '[^\\n]+') do
  if id ~= from then table.insert(parts[is_below(id) and 1 or 2], id) end
end
for _, ids in ipairs(parts) do
  local joined = table.concat(ids, '\\n')
  for _, id in ipairs(ids) do
    if #ids > 1 then redis.call('HSET', KEYS[2], id, joined) else redis.call('HDEL', KEYS[2], id) end
  end
end
return 1
"""


class RedisIdentity(RedisPart):
    """IdentityStore on Redis."""

    def merge(self, from_id: str, into_id: str, at: int) -> bool:
        """See IdentityStore."""
        keys = (self._keys.merged_into, self._keys.merged_groups)
        code, other = self._link.write(
            lambda client: client.execute_command("EVAL", _MERGE, 2, *keys, from_id, into_id, at)
        )
        if code == 2:
            raise InputError(f"{from_id!r} is merged into {other.decode()!r}; unmerge it first")
        if code == 3:
            raise InputError(f"{into_id!r} is part of {from_id!r}; merging them again would close a circle")
        return bool(code)

    def unmerge(self, from_id: str, into_id: str) -> bool:
        """See IdentityStore."""
        keys = (self._keys.merged_into, self._keys.merged_groups)
        return bool(
            self._link.write(
                lambda client: client.execute_command("EVAL", _UNMERGE, 2, *keys, from_id, into_id)
            )
        )

    def group(self, user_id: str) -> tuple[str, ...]:
        """See IdentityStore."""
        held = self._link.read(
            lambda client: client.execute_command("HGET", self._keys.merged_groups, user_id)
        )
        return tuple(held.decode().split("\n")) if held else (user_id,)
