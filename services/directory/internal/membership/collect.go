package membership

import "github.com/chancery-auth/chancery/services/directory/internal/project"

// Collect adds a row of a join of memberships and projects to a standing. Rows
// of one membership follow each other; p is nil in one without a project.
func (s *Standing) Collect(m Membership, p *project.Project) {
	if last := len(s.Memberships) - 1; last < 0 || s.Memberships[last].ID != m.ID {
		s.Memberships = append(s.Memberships, m)
	}
	if p != nil {
		s.Projects = append(s.Projects, *p)
	}
}
