package embedded

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"meibo/shared/queue"
)

// The file's buckets. Numbers in keys are eight bytes, high byte first, so that byte order is their order.
const (
	bMessages = "messages" // sequence number -> message
	bGroups   = "groups"   // length of group, group, sequence number -> nothing: each group's messages in order
	bDue      = "due"      // time, sequence number -> nothing: the first message of each group, and when it may be delivered
	bDedup    = "dedup"    // deduplication id -> nothing: the ids that are known now
	bDedupEnd = "dedupend" // time, deduplication id -> nothing: until when
	bDead     = "dead"     // time of death, sequence number -> message
)

var buckets = [...]string{bMessages, bGroups, bDue, bDedup, bDedupEnd, bDead}

// message is what is stored of one.
type message struct {
	Group    string    `json:"group"`
	Dedup    string    `json:"dedup"`
	Body     []byte    `json:"body"`
	Sent     time.Time `json:"sent"`
	Receives int       `json:"receives,omitempty"`
	// Flying says that a handler has it, or had it when the process ended; Cuts is how often the latter happened.
	Flying bool      `json:"flying,omitempty"`
	Cuts   int       `json:"cuts,omitempty"`
	First  time.Time `json:"first,omitzero"` // first delivery
	// Due is when the message may be delivered, or delivered again. It is zero for what waits behind another of its group.
	Due time.Time `json:"due,omitzero"`

	seq uint64
}

// ledger is the queue inside a transaction.
type ledger struct{ tx *bolt.Tx }

func (l ledger) b(name string) *bolt.Bucket { return l.tx.Bucket([]byte(name)) }

func u64(n uint64) []byte            { return binary.BigEndian.AppendUint64(nil, n) }
func stamp(t time.Time) []byte       { return u64(uint64(t.UnixNano())) }
func timeOf(key []byte) time.Time    { return time.Unix(0, int64(binary.BigEndian.Uint64(key))).UTC() }
func join(a []byte, b []byte) []byte { return append(bytes.Clone(a), b...) }

func groupPrefix(g string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(g))), g...)
}

var errDamaged = errors.New("the file is damaged: restore it from a copy")

// load returns a message that an index names.
func (l ledger) load(seq uint64) (message, error) {
	m, found, err := l.find(seq)
	if err == nil && !found {
		return m, errDamaged
	}
	return m, err
}

// find returns a message if it is still there.
func (l ledger) find(seq uint64) (message, bool, error) {
	v := l.b(bMessages).Get(u64(seq))
	if v == nil {
		return message{}, false, nil
	}
	m, err := decode(v)
	m.seq = seq
	return m, true, err
}

func decode(v []byte) (message, error) {
	var m message
	if err := json.Unmarshal(v, &m); err != nil {
		return m, fmt.Errorf("%w (%w)", errDamaged, err)
	}
	return m, nil
}

func (l ledger) save(m message) error {
	v, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return l.b(bMessages).Put(u64(m.seq), v)
}

// add puts m at the end of its group.
func (l ledger) add(m message, now time.Time) error {
	seq, err := l.b(bMessages).NextSequence()
	if err != nil {
		return err
	}
	m.seq = seq
	_, busy := l.head(m.Group)
	if err := l.b(bGroups).Put(join(groupPrefix(m.Group), u64(seq)), nil); err != nil {
		return err
	}
	if busy {
		return l.save(m)
	}
	return l.setDue(m, now)
}

// head returns the first message of a group.
func (l ledger) head(group string) (seq uint64, ok bool) {
	p := groupPrefix(group)
	k, _ := l.b(bGroups).Cursor().Seek(p)
	if len(k) != len(p)+8 || !bytes.HasPrefix(k, p) {
		return 0, false
	}
	return binary.BigEndian.Uint64(k[len(p):]), true
}

// setDue saves m, the head of its group, as deliverable at t.
func (l ledger) setDue(m message, t time.Time) error {
	if !m.Due.IsZero() {
		if err := l.b(bDue).Delete(join(stamp(m.Due), u64(m.seq))); err != nil {
			return err
		}
	}
	m.Due = t
	if err := l.b(bDue).Put(join(stamp(t), u64(m.seq)), nil); err != nil {
		return err
	}
	return l.save(m)
}

// drop takes m, the head of its group, out of the queue and unlocks the group. The next one of it queues up behind the other
// groups, so that a long group starves none.
func (l ledger) drop(m message, now time.Time) error {
	for _, k := range []struct {
		bucket string
		key    []byte
	}{
		{bDue, join(stamp(m.Due), u64(m.seq))}, {bGroups, join(groupPrefix(m.Group), u64(m.seq))}, {bMessages, u64(m.seq)},
	} {
		if err := l.b(k.bucket).Delete(k.key); err != nil {
			return err
		}
	}
	seq, ok := l.head(m.Group)
	if !ok {
		return nil
	}
	next, err := l.load(seq)
	if err != nil {
		return err
	}
	return l.setDue(next, now)
}

// due calls fn with the head of each group in the order in which they may be delivered, until it says stop.
func (l ledger) due(fn func(at time.Time, seq uint64) (stop bool)) {
	c := l.b(bDue).Cursor()
	for k, _ := c.First(); len(k) == 16; k, _ = c.Next() {
		if fn(timeOf(k), binary.BigEndian.Uint64(k[8:])) {
			return
		}
	}
}

// next returns the head that may be delivered first, and when.
func (l ledger) next() (at time.Time, seq uint64, ok bool) {
	l.due(func(t time.Time, s uint64) bool {
		at, seq, ok = t, s, true
		return true
	})
	return at, seq, ok
}

// receive takes the next message that is due now and locks it for d. Messages that were delivered too often go to the dead
// letters, and ones that are too old are dropped, when their turn comes.
func (l ledger) receive(now time.Time, d time.Duration, maxReceives int) (m message, ok bool, died []message, err error) {
	for {
		at, seq, found := l.next()
		if !found || at.After(now) {
			return message{}, false, died, nil
		}
		if m, err = l.load(seq); err != nil {
			return m, false, died, err
		}
		switch {
		case now.Sub(m.Sent) >= queue.RetentionPeriod:
			err = l.drop(m, now)
		case m.Receives >= maxReceives:
			died = append(died, m)
			err = l.bury(m, now)
		default:
			if m.Receives++; m.Receives == 1 {
				m.First = now
			}
			m.Flying = true
			return m, true, died, l.setDue(m, now.Add(d))
		}
		if err != nil {
			return m, false, died, err
		}
	}
}

// bury moves m to the dead letters, and forgets those that have been there too long.
func (l ledger) bury(m message, now time.Time) error {
	if err := l.drop(m, now); err != nil {
		return err
	}
	c := l.b(bDead).Cursor()
	for k, _ := c.First(); k != nil && now.Sub(timeOf(k)) >= DeadRetention; k, _ = c.First() {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	m.Due = time.Time{}
	v, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return l.b(bDead).Put(join(stamp(now), u64(m.seq)), v)
}

// maxCuts bounds how many deliveries of a message may end with the process and not count: a message that ends it every time must
// not do so for ever.
const maxCuts = 50

// release makes every locked message deliverable at now. What a handler had when the process ended was not received: the process
// failed, not the handler.
func (l ledger) release(now time.Time) error {
	var heads []uint64
	l.due(func(_ time.Time, seq uint64) bool {
		heads = append(heads, seq)
		return false
	})
	for _, seq := range heads {
		m, err := l.load(seq)
		if err != nil {
			return err
		}
		if !m.Flying && !m.Due.After(now) {
			continue
		}
		if m.Flying && m.Cuts < maxCuts {
			m.Receives--
			m.Cuts++
		}
		m.Flying = false
		if err := l.setDue(m, now); err != nil {
			return err
		}
	}
	return nil
}

// land notes that a handler gave m back.
func (l ledger) land(m message) error {
	is, found, err := l.find(m.seq)
	if err != nil || !found || is.Receives != m.Receives {
		return err
	}
	is.Flying = false
	return l.save(is)
}

// dedup says whether id is known, and makes it known for the window if it was not. Call forgetDedups first.
func (l ledger) dedup(id string, now time.Time) (known bool, err error) {
	if l.b(bDedup).Get([]byte(id)) != nil {
		return true, nil
	}
	if err := l.b(bDedup).Put([]byte(id), []byte{}); err != nil {
		return false, err
	}
	return false, l.b(bDedupEnd).Put(join(stamp(now.Add(queue.DedupWindow)), []byte(id)), nil)
}

// forgetDedups drops the ids whose window is over.
func (l ledger) forgetDedups(now time.Time) error {
	c := l.b(bDedupEnd).Cursor()
	for k, _ := c.First(); len(k) > 8 && !timeOf(k).After(now); k, _ = c.First() {
		id := bytes.Clone(k[8:])
		if err := c.Delete(); err != nil {
			return err
		}
		if err := l.b(bDedup).Delete(id); err != nil {
			return err
		}
	}
	return nil
}
