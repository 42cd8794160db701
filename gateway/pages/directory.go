package pages

// Directory lists the clients that are open to everybody. Its search form is
// sent by GET with the query q.
type Directory struct {
	Frame

	// Query is what was searched for; empty for the whole list.
	Query string
	Apps  []DirectoryApp
	// NextURL is the path of the next page of the list; empty on the last.
	NextURL string
}

func (Directory) template() string { return "directory" }

// Place is where the page stands.
func (Directory) Place() Place { return PlaceDirectory }

// DirectoryApp is one client of the list. Its owner is the workspace.
type DirectoryApp struct {
	Client      ClientView
	Description string
}
