-- Hears leases. KEYS: heard, generation. ARGV: the time, the generation that was seen, until when this may run, then the
-- leases; the numbers of a kind are the patience, and by how much of it a lease may not have run down. A patience of 0
-- asks how the lease stands and hears nothing.
-- Answers nil if this server is not as it was seen, else one digit each: 0 heard, 1 unknown, 2 the token is stale.
-- What is condemned, was not heard for its time to live, or was heard in the future is unknown: the store decides.
if not stands(ARGV[2], ARGV[3]) then return false end
local now = time(ARGV[1])
local first, n, patience, left = leases(4)
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, first, first + n - 1))
local answers, changes, texts, last = {}, {}, {}, 0
for i = 1, n do
  local answer = 1
  local score = tonumber(scores[i])
  -- What is condemned is negative.
  if score and score >= 0 then
    local code = tonumber(ARGV[first + n + i - 1])
    local shown, token = code % SPAN, score % SPAN
    if token == shown then
      local kind, heard = (code - shown) / SPAN, (score - token) / SPAN
      if patience[kind] > 0 and heard > now + left[kind] and heard <= now + patience[kind] + 1 then
        answer = 0
        -- Many leases have the same score, and to write one as text takes longer than all the rest.
        local text = texts[code]
        if not text then
          text = string.format('%.0f', math.ceil(now + patience[kind]) * SPAN + token)
          texts[code] = text
        end
        changes[last + 1], changes[last + 2] = text, ARGV[first + i - 1]
        last = last + 2
      end
    elseif newer(token, shown) then
      answer = 2
    end
  end
  answers[i] = answer
end
if last > 0 then redis.call('ZADD', KEYS[1], unpack(changes)) end
return table.concat(answers)
