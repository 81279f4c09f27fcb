package httpapi

import (
	"context"
	"net/http"
	"time"

	"meibo/shared/tenancy"
)

// MemberView is a person of a tenant.
type MemberView struct {
	ID          string               `json:"id"`
	Email       string               `json:"email"`
	Name        string               `json:"name"`
	Role        tenancy.Role         `json:"role" enum:"admin,member"`
	Permissions []tenancy.Permission `json:"permissions" nullable:"false"`
	Joined      bool                 `json:"joined" doc:"Whether the person has signed in yet"`
	Created     time.Time            `json:"created"`
}

func memberView(m tenancy.Member) MemberView {
	return MemberView{m.ID, m.Email, m.Name, m.Role, append([]tenancy.Permission{}, m.Permissions...), m.Subject != "", m.Created}
}

// InMember is the part of a request that says which member it is about.
type InMember struct {
	InTenant
	Member string `path:"member" minLength:"1" maxLength:"128"`
}

type newMember struct {
	InTenant
	Once
	Body struct {
		Email       string   `json:"email" minLength:"3" maxLength:"254" doc:"The address that the person signs in with"`
		Name        string   `json:"name,omitempty" maxLength:"200"`
		Role        string   `json:"role,omitempty" enum:"admin,member" default:"member"`
		Permissions []string `json:"permissions,omitempty" nullable:"false" maxItems:"20" enum:"contacts.sync,contacts.view,contacts.create,contacts.edit,contacts.delete,companies.create,members.manage"`
	}
}

type changeMember struct {
	InMember
	Once
	Body struct {
		Name        *string   `json:"name,omitempty" maxLength:"200"`
		Role        *string   `json:"role,omitempty" enum:"admin,member"`
		Permissions *[]string `json:"permissions,omitempty" nullable:"false" maxItems:"20" enum:"contacts.sync,contacts.view,contacts.create,contacts.edit,contacts.delete,companies.create,members.manage"`
	}
}

func permissions(names []string) []tenancy.Permission {
	out := make([]tenancy.Permission, len(names))
	for i, n := range names {
		out[i] = tenancy.Permission(n)
	}
	return out
}

func (s *Server) memberOps() {
	const all, one = "/tenants/{tenant}/members", "/tenants/{tenant}/members/{member}"
	inTenant(s, op{id: "add-member", method: http.MethodPost, path: all, tag: "Members", summary: "Add a member", status: http.StatusCreated,
		about: "The person becomes this member at the first sign-in with the address, if the issuer has verified it. Needs members.manage; nobody can give what they do not have."},
		func(ctx context.Context, c caller, in *newMember) (*Answer[MemberView], error) {
			m, err := s.Tenancy.AddMember(ctx, c.Member, tenancy.NewMember{
				Email: in.Body.Email, Name: in.Body.Name, Role: tenancy.Role(in.Body.Role), Permissions: permissions(in.Body.Permissions),
			})
			return created(memberView(m)), err
		})
	inTenant(s, op{id: "list-members", method: http.MethodGet, path: all, tag: "Members", summary: "List members", about: "Needs members.manage."},
		func(ctx context.Context, c caller, in *struct {
			InTenant
			Paging
		}) (*Answer[List[MemberView]], error) {
			p, err := s.Tenancy.Members(ctx, c.Member, in.request())
			return listOf(p.Items, p.Next, memberView), err
		})
	inTenant(s, op{id: "get-member", method: http.MethodGet, path: one, tag: "Members", summary: "Read a member", about: "\"me\" is the caller."},
		func(ctx context.Context, c caller, in *InMember) (*Answer[MemberView], error) {
			m, err := s.Tenancy.Member(ctx, c.Member, in.id(c))
			return ok(memberView(m)), err
		})
	inTenant(s, op{id: "change-member", method: http.MethodPatch, path: one, tag: "Members", summary: "Change a member's name, role or permissions",
		about: "Needs members.manage. The last administrator who has signed in keeps the role."},
		func(ctx context.Context, c caller, in *changeMember) (*Answer[MemberView], error) {
			ch := tenancy.MemberChange{Name: in.Body.Name}
			if in.Body.Role != nil {
				r := tenancy.Role(*in.Body.Role)
				ch.Role = &r
			}
			if in.Body.Permissions != nil {
				p := permissions(*in.Body.Permissions)
				ch.Permissions = &p
			}
			m, err := s.Tenancy.ChangeMember(ctx, c.Member, in.id(c), ch)
			return ok(memberView(m)), err
		})
	inTenant(s, op{id: "remove-member", method: http.MethodDelete, path: one, tag: "Members", summary: "Remove a member",
		about: "Needs members.manage. The member's connections must be stopped or deleted first; the member's accounts are removed too."},
		func(ctx context.Context, c caller, in *struct {
			InMember
			Once
		}) (*Nothing, error) {
			return &Nothing{}, s.Tenancy.RemoveMember(ctx, c.Member, in.id(c))
		})
}

// id is the member that the request is about; "me" is the caller.
func (m InMember) id(c caller) string {
	if m.Member == "me" {
		return c.ID
	}
	return m.Member
}
