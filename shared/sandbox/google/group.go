package google

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	myContacts = "myContacts"
	starred    = "starred"
)

// systemGroupNames are the groups of every account, with their display names. Only the first two take new members.
var systemGroupNames = [][2]string{
	{myContacts, "My Contacts"}, {starred, "Starred"}, {"all", "All Contacts"}, {"friends", "Friends"}, {"family", "Family"},
	{"coworkers", "Coworkers"}, {"chatBuddies", "Chat contacts"}, {"blocked", "Blocked"},
}

// group is a contact group. Its exported fields are kept; members follow from the contacts.
type group struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Formatted  string      `json:"formatted"`
	System     bool        `json:"system,omitempty"`
	Deleted    bool        `json:"deleted,omitempty"`
	Seq        uint64      `json:"seq"` // 0 for a system group, which never changes
	Updated    time.Time   `json:"updated"`
	ClientData []groupData `json:"client_data,omitempty"`

	members map[uint64]struct{}
}

type groupData struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (g *group) resourceName() string { return "contactGroups/" + g.ID }

// takesMembers reports whether contacts may be added.
func (g *group) takesMembers() bool { return !g.System || g.ID == myContacts || g.ID == starred }

func (g *group) etag() string {
	return strconv.FormatUint(hash("group", g.ID, strconv.FormatUint(g.Seq, 10)), 36)
}

func (s *Sandbox) systemGroups(a *account) {
	for _, n := range systemGroupNames {
		g := &group{ID: n[0], Name: n[0], Formatted: n[1], System: true, members: map[uint64]struct{}{}}
		a.groups[g.ID] = g
		s.dirty.group(a, g)
	}
}

// sortedGroups lists groups, deleted ones too, in a stable order: the system's first, then by last change.
func (a *account) sortedGroups() []*group {
	rank := func(g *group) int {
		return slices.IndexFunc(systemGroupNames, func(n [2]string) bool { return n[0] == g.ID })
	}
	out := make([]*group, 0, len(a.groups))
	for _, g := range a.groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(x, y *group) int {
		if x.System && y.System {
			return rank(x) - rank(y)
		}
		return cmp.Compare(x.Seq, y.Seq)
	})
	return out
}

// group returns the living group of a resource name.
func (a *account) group(name string) (*group, bool) {
	id, ok := strings.CutPrefix(name, "contactGroups/")
	g := a.groups[id]
	return g, ok && g != nil && !g.Deleted
}

// groupNamed returns the living group of a display name; letter case and outer spaces do not tell names apart.
func (a *account) groupNamed(name string) (*group, bool) {
	name = strings.TrimSpace(name)
	for _, g := range a.groups {
		if !g.Deleted && (strings.EqualFold(g.Name, name) || strings.EqualFold(g.Formatted, name)) {
			return g, true
		}
	}
	return nil, false
}

// touch gives g a new place in the order of changes.
func (s *Sandbox) touch(a *account, g *group) {
	a.seq++
	g.Seq, g.Updated = a.seq, s.cfg.Clock.Now()
	s.dirty.group(a, g)
}

func (s *Sandbox) makeGroup(a *account, name string, data []groupData) *group {
	g := &group{Name: name, Formatted: name, ClientData: data, members: map[uint64]struct{}{}}
	for n := a.seq + 1; g.ID == "" || a.groups[g.ID] != nil; n++ {
		g.ID = strconv.FormatUint(s.newID("group", a, n), 16)
	}
	s.touch(a, g)
	a.groups[g.ID] = g
	return g
}

// dropGroup deletes g. Members lose the membership, and land in myContacts if it was their last; or they go with the group.
func (s *Sandbox) dropGroup(a *account, g *group, withContacts bool) {
	for _, id := range g.sortedMembers() {
		c := a.contacts[id]
		if withContacts {
			s.remove(a, c)
			continue
		}
		v := *c.now()
		v.groups = slices.DeleteFunc(slices.Clone(v.groups), func(id string) bool { return id == g.ID })
		if len(v.groups) == 0 {
			v.groups = []string{myContacts}
		}
		s.push(a, c, v)
	}
	g.Deleted = true
	s.touch(a, g)
}

func (g *group) sortedMembers() []uint64 {
	ids := make([]uint64, 0, len(g.members))
	for id := range g.members {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// groupMask is a set of group fields.
type groupMask struct{ clientData, groupType, memberCount, metadata, name bool }

func parseGroupMask(param, mask string, otherwise groupMask, memberCount bool) (groupMask, *apiError) {
	if mask == "" {
		return otherwise, nil
	}
	var m groupMask
	for _, p := range strings.Split(mask, ",") {
		switch {
		case p == "clientData":
			m.clientData = true
		case p == "groupType":
			m.groupType = true
		case p == "memberCount" && memberCount:
			m.memberCount = true
		case p == "metadata":
			m.metadata = true
		case p == "name":
			m.name = true
		default:
			return m, invalid("Invalid %s mask path: %q. Valid paths are documented at https://developers.google.com/people/api/rest/v1/contactGroups.", param, p)
		}
	}
	return m, nil
}

// wireGroup is ContactGroup as it is answered.
type wireGroup struct {
	ResourceName  string         `json:"resourceName"`
	Etag          string         `json:"etag,omitempty"`
	Metadata      *groupMetadata `json:"metadata,omitempty"`
	GroupType     string         `json:"groupType,omitempty"`
	Name          string         `json:"name,omitempty"`
	FormattedName string         `json:"formattedName,omitempty"`
	Members       []string       `json:"memberResourceNames,omitempty"`
	MemberCount   int            `json:"memberCount,omitempty"`
	ClientData    []groupData    `json:"clientData,omitempty"`
}

type groupMetadata struct {
	UpdateTime string `json:"updateTime,omitempty"`
	Deleted    bool   `json:"deleted,omitempty"`
}

func (s *Sandbox) wireGroup(a *account, g *group, m groupMask, maxMembers int) wireGroup {
	w := wireGroup{ResourceName: g.resourceName()}
	if g.Deleted {
		w.Etag, w.Metadata = g.etag(), &groupMetadata{Deleted: true, UpdateTime: stamp(g.Updated)}
		return w
	}
	if m.metadata && !g.System {
		w.Etag, w.Metadata = g.etag(), &groupMetadata{UpdateTime: stamp(g.Updated)}
	}
	if m.groupType {
		w.GroupType = "USER_CONTACT_GROUP"
		if g.System {
			w.GroupType = "SYSTEM_CONTACT_GROUP"
		}
	}
	if m.name {
		w.Name, w.FormattedName = g.Name, g.Formatted
	}
	if m.memberCount {
		w.MemberCount = len(g.members)
	}
	if m.clientData {
		w.ClientData = g.ClientData
	}
	for _, id := range g.sortedMembers() {
		if len(w.Members) >= maxMembers {
			break
		}
		w.Members = append(w.Members, personName(a.contacts[id].now().name))
	}
	return w
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
