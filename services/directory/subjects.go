package directory

import (
	"context"

	"github.com/chancery-auth/chancery/pkg/secret"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// GetSubject implements DirectoryService.
func (s *Service) GetSubject(ctx context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	found, err := s.subjects.Find(ctx, req.GetSub(), req.GetUsername())
	if err != nil {
		return nil, err
	}
	standing, err := s.memberships.Standing(ctx, found.Sub, req.GetWorkspaceIds(), req.GetProjectIds())
	if err != nil {
		return nil, err
	}
	message, err := subjectMessage(found)
	if err != nil {
		return nil, err
	}
	return &directoryv1.GetSubjectResponse{
		Subject:     message,
		Memberships: each(standing.Memberships, membershipMessage),
		Projects:    each(standing.Projects, projectMessage),
	}, nil
}

// ListResources implements DirectoryService.
func (s *Service) ListResources(ctx context.Context, req *directoryv1.ListResourcesRequest) (*directoryv1.ListResourcesResponse, error) {
	found, err := s.subjects.Find(ctx, req.GetSub(), "")
	if err != nil {
		return nil, err
	}
	standing, err := s.memberships.Resources(ctx, found.Sub)
	if err != nil {
		return nil, err
	}
	return &directoryv1.ListResourcesResponse{
		Memberships: each(standing.Memberships, membershipMessage),
		Projects:    each(standing.Projects, projectMessage),
	}, nil
}

// CreateSubject implements DirectoryService.
func (s *Service) CreateSubject(ctx context.Context, req *directoryv1.CreateSubjectRequest) (*directoryv1.CreateSubjectResponse, error) {
	created, err := s.subjects.Create(ctx, subject.New{
		Username: req.GetUsername(),
		Password: secret.Wrap(req.GetPassword()),
		Claims:   req.GetClaims().AsMap(),
	})
	if err != nil {
		return nil, err
	}
	message, err := subjectMessage(created)
	return &directoryv1.CreateSubjectResponse{Subject: message}, err
}

// ListSubjects implements DirectoryService.
func (s *Service) ListSubjects(ctx context.Context, req *directoryv1.ListSubjectsRequest) (*directoryv1.ListSubjectsResponse, error) {
	found, next, err := s.subjects.List(ctx, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	messages := make([]*directoryv1.Subject, len(found))
	for i := range found {
		if messages[i], err = subjectMessage(found[i]); err != nil {
			return nil, err
		}
	}
	return &directoryv1.ListSubjectsResponse{Subjects: messages, NextPageToken: next}, nil
}

// DisableSubject implements DirectoryService.
func (s *Service) DisableSubject(ctx context.Context, req *directoryv1.DisableSubjectRequest) (*directoryv1.DisableSubjectResponse, error) {
	disabled, err := s.subjects.Disable(ctx, req.GetSub())
	if err != nil {
		return nil, err
	}
	message, err := subjectMessage(disabled)
	if err != nil {
		return nil, err
	}
	left, err := s.memberships.UnmanagedBy(ctx, disabled.Sub)
	return &directoryv1.DisableSubjectResponse{Subject: message, AppsWithoutAdmin: s.appsWithoutAdmin(ctx, left, err)}, nil
}

// EnableSubject implements DirectoryService.
func (s *Service) EnableSubject(ctx context.Context, req *directoryv1.EnableSubjectRequest) (*directoryv1.EnableSubjectResponse, error) {
	enabled, err := s.subjects.Enable(ctx, req.GetSub())
	if err != nil {
		return nil, err
	}
	message, err := subjectMessage(enabled)
	return &directoryv1.EnableSubjectResponse{Subject: message}, err
}
