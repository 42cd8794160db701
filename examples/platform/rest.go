package main

import (
	"encoding/json"
	"errors"
	"net/http"
)

// maxNameLength is that of an item, in bytes.
const maxNameLength = 120

// perform does what the route is for.
func (r route) perform(w http.ResponseWriter, req *http.Request, p *places, v visit) {
	var body struct {
		Name string `json:"name"`
	}
	if r.action == actionCreate || r.action == actionUpdate {
		decoder := json.NewDecoder(req.Body)
		decoder.DisallowUnknownFields()
		if decoder.Decode(&body) != nil || body.Name == "" || len(body.Name) > maxNameLength {
			fail(w, http.StatusBadRequest, `the body is JSON: {"name": "…"}, of 120 bytes at most`)
			return
		}
	}
	answer := map[string]any{r.place: v.place, "role": v.role.String()}
	var err error
	status := http.StatusOK
	key := listKey{v.place, r.resource}
	switch {
	case r.resource == "" && r.action == actionRead:
		answer["note"], answer["items"] = p.note(v.place), p.count(v.place)
	case r.resource == "" && r.action == actionUpdate:
		p.setNote(v.place, body.Name)
		answer["note"] = body.Name
	case r.resource == "":
		p.clear(v.place)
	case r.action == actionRead:
		answer["items"] = p.list(key)
	case r.action == actionCreate:
		status = http.StatusCreated
		answer["item"], err = p.add(key, item{Name: body.Name, Sub: v.sub, ClientID: v.clientID})
	case r.action == actionUpdate:
		answer["item"], err = p.rename(key, req.PathValue("item"), body.Name)
	case r.action == actionDelete:
		err = p.remove(key, req.PathValue("item"))
	default:
		answer["done"], answer["items"] = r.Scope, len(p.list(key))
	}
	switch {
	case errors.Is(err, errNoItem):
		fail(w, http.StatusNotFound, "there is no such item")
	case errors.Is(err, errFull):
		fail(w, http.StatusConflict, "there is no room for another item")
	default:
		writeJSON(w, status, answer)
	}
}

// fail writes an error whose text is for the app's developer.
func fail(w http.ResponseWriter, status int, description string) {
	writeJSON(w, status, map[string]string{"error": http.StatusText(status), "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
