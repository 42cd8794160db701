package directory

import (
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/fault"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// parseID reads a UUID, in any of the forms that the contract lets through.
func parseID(field, text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fault.Because(fault.Invalid, field+" must be a UUID", err)
	}
	return id, nil
}

// each converts a list.
func each[T, M any](items []T, convert func(T) M) []M {
	messages := make([]M, len(items))
	for i, item := range items {
		messages[i] = convert(item)
	}
	return messages
}

func subjectMessage(s subject.Subject) (*directoryv1.Subject, error) {
	claims, err := structpb.NewStruct(s.Claims)
	if err != nil {
		return nil, fmt.Errorf("convert claims: %w", err)
	}
	return &directoryv1.Subject{
		Sub:        s.Sub,
		Username:   s.Username,
		Disabled:   s.Disabled,
		Version:    s.Version,
		Claims:     claims,
		CreateTime: timestamppb.New(s.CreateTime),
	}, nil
}

func workspaceMessage(w workspace.Workspace) *directoryv1.Workspace {
	return &directoryv1.Workspace{
		WorkspaceId: w.ID.String(),
		Name:        w.Name,
		Slug:        w.Slug,
		CreateTime:  timestamppb.New(w.CreateTime),
	}
}

func projectMessage(p project.Project) *directoryv1.Project {
	return &directoryv1.Project{
		ProjectId:   p.ID.String(),
		WorkspaceId: p.WorkspaceID.String(),
		Name:        p.Name,
		Version:     p.Version,
		CreateTime:  timestamppb.New(p.CreateTime),
	}
}

func membershipMessage(m membership.Membership) *directoryv1.Membership {
	return &directoryv1.Membership{
		WorkspaceId:   m.WorkspaceID.String(),
		WorkspaceName: m.WorkspaceName,
		Sub:           m.Sub,
		Username:      m.Username,
		Role:          m.Role.String(),
		Version:       m.Version,
		MembershipId:  m.ID.String(),
	}
}
