-- Enqueues a job of the kind 'd' (Deliver) or 'i' (Index) for a post (its id in decimal), as a commit at
-- `now` causes it. `trace` is a traceparent, or '' where there is none.
local function enqueue(tag, kind, post, now, trace)
end
