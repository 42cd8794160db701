package main

import (
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/chancery-auth/chancery/pkg/role"
)

// maxItems bounds each list: everything is in memory.
const maxItems = 100

var (
	errNoItem = errors.New("no such item")
	errFull   = errors.New("list is full")
)

// visit is a request at a workspace or project, by who may be there.
type visit struct {
	place         string
	role          role.Role
	sub, clientID string
}

// listKey names a list: the images of a workspace.
type listKey struct{ place, resource string }

// item is one thing in a list, with whom it is of.
type item struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Sub      string `json:"sub"`
	ClientID string `json:"client_id"`
}

// places is what the platform keeps in workspaces and projects, until it ends. It
// is safe for concurrent use.
type places struct {
	mu    sync.Mutex
	last  int
	notes map[string]string // by place
	lists map[listKey][]item
}

func newPlaces() *places {
	return &places{notes: make(map[string]string), lists: make(map[listKey][]item)}
}

func (p *places) note(place string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.notes[place]
}

func (p *places) setNote(place, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes[place] = text
}

// count is how many items a place has.
func (p *places) count(place string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for key, list := range p.lists {
		if key.place == place {
			n += len(list)
		}
	}
	return n
}

// clear forgets everything in a place.
func (p *places) clear(place string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.notes, place)
	for key := range p.lists {
		if key.place == place {
			delete(p.lists, key)
		}
	}
}

// list returns a copy, never nil.
func (p *places) list(key listKey) []item {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]item{}, p.lists[key]...)
}

// add fails with errFull.
func (p *places) add(key listKey, i item) (item, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lists[key]) >= maxItems {
		return item{}, errFull
	}
	p.last++
	i.ID = strconv.Itoa(p.last)
	p.lists[key] = append(p.lists[key], i)
	return i, nil
}

// rename fails with errNoItem.
func (p *places) rename(key listKey, id, name string) (item, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.lists[key], func(i item) bool { return i.ID == id })
	if at < 0 {
		return item{}, errNoItem
	}
	p.lists[key][at].Name = name
	return p.lists[key][at], nil
}

// remove fails with errNoItem.
func (p *places) remove(key listKey, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.lists[key], func(i item) bool { return i.ID == id })
	if at < 0 {
		return errNoItem
	}
	p.lists[key] = slices.Delete(p.lists[key], at, at+1)
	return nil
}
