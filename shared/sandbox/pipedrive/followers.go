package pipedrive

import (
	"net/http"
	"slices"
)

func (f follower) render() object { return object{"user_id": f.User, "add_time": stamp(f.Added)} }

func listFollowers(c *call, t *table) (*reply, error) {
	r, err := c.live(t, c.id(0))
	if err != nil {
		return nil, err
	}
	all, next, err := slicePage(c, r.Followers)
	if err != nil {
		return nil, err
	}
	data := []object{}
	for _, f := range all {
		data = append(data, f.render())
	}
	return page(data, next)
}

// addFollower does not move update_time: following is not a change of the record.
func addFollower(c *call, t *table) (*reply, error) {
	r, err := c.live(t, c.id(0))
	if err != nil {
		return nil, err
	}
	in, err := c.object("user_id")
	if err != nil {
		return nil, err
	}
	var id int64
	if !strict(in["user_id"], &id) || c.o.member(id) == nil {
		return nil, invalid("user_id", "there is no such user")
	}
	if slices.ContainsFunc(r.Followers, func(f follower) bool { return f.User == id }) {
		return nil, bad("User is already following this item")
	}
	f := follower{id, c.s.now()}
	r.Followers = append(slices.Clone(r.Followers), f)
	c.s.keepRow(c.o, t, r)
	return &reply{http.StatusCreated, success(f.render())}, nil
}

func dropFollower(c *call, t *table) (*reply, error) {
	r, err := c.live(t, c.id(0))
	if err != nil {
		return nil, err
	}
	id := c.id(1)
	i := slices.IndexFunc(r.Followers, func(f follower) bool { return f.User == id })
	if i < 0 {
		return nil, refuse(http.StatusNotFound, "Follower not found")
	}
	r.Followers = slices.Delete(slices.Clone(r.Followers), i, i+1)
	c.s.keepRow(c.o, t, r)
	return ok(object{"user_id": id})
}
