package introspection_test

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// peer is what the scripted services have in common: each counts its calls, and
// fails them while it is away.
type peer struct {
	mu    sync.Mutex
	away  error
	calls atomic.Int64
	// meanwhile runs once, after a call has read its answer and before it
	// returns it.
	meanwhile func()
}

func (p *peer) called() error {
	p.calls.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away
}

func (p *peer) goAway(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = err
}

func (p *peer) passTime() {
	if f := p.meanwhile; f != nil {
		p.meanwhile = nil
		f()
	}
}

// tokenPeer owns keys and stored sets of resources.
type tokenPeer struct {
	tokenv1.UnimplementedTokenServiceServer
	peer
	keys *tokenv1.GetKeySetResponse
	sets map[string][]byte
}

func (p *tokenPeer) GetKeySet(context.Context, *tokenv1.GetKeySetRequest) (*tokenv1.GetKeySetResponse, error) {
	if err := p.called(); err != nil {
		return nil, err
	}
	return p.keys, nil
}

func (p *tokenPeer) GetResources(_ context.Context, req *tokenv1.GetResourcesRequest) (*tokenv1.GetResourcesResponse, error) {
	if err := p.called(); err != nil {
		return nil, err
	}
	set, ok := p.sets[string(req.GetDigest())]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no such set")
	}
	return &tokenv1.GetResourcesResponse{Resources: set}, nil
}

// registryPeer knows clients by id and the credential that each presents.
type registryPeer struct {
	registryv1.UnimplementedRegistryServiceServer
	peer
	clients map[string]registered
}

type registered struct {
	client   *registryv1.Client
	presents string
	secretID string
}

func (p *registryPeer) AuthenticateClient(_ context.Context, req *registryv1.AuthenticateClientRequest) (*registryv1.AuthenticateClientResponse, error) {
	if err := p.called(); err != nil {
		return nil, err
	}
	known, ok := p.clients[req.GetClientId()]
	p.passTime()
	if !ok || known.presents != req.GetClientSecret()+req.GetClientAssertion() || req.GetMethod() != known.client.GetTokenEndpointAuthMethod() {
		return nil, oauth.Refuse(oauth.InvalidClient, "client authentication failed")
	}
	return &registryv1.AuthenticateClientResponse{Client: known.client, SecretId: known.secretID}, nil
}

func (p *registryPeer) GetClient(_ context.Context, req *registryv1.GetClientRequest) (*registryv1.GetClientResponse, error) {
	if err := p.called(); err != nil {
		return nil, err
	}
	known, ok := p.clients[req.GetClientId()]
	p.passTime()
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no such client")
	}
	return &registryv1.GetClientResponse{Client: known.client}, nil
}

// directoryPeer knows subjects, and the slugs of workspaces.
type directoryPeer struct {
	directoryv1.UnimplementedDirectoryServiceServer
	peer
	subjects map[string]*directoryv1.Subject
	slugs    map[string]string // by workspace
}

func (p *directoryPeer) BatchGetWorkspaces(_ context.Context, req *directoryv1.BatchGetWorkspacesRequest) (*directoryv1.BatchGetWorkspacesResponse, error) {
	if err := p.called(); err != nil {
		return nil, err
	}
	resp := &directoryv1.BatchGetWorkspacesResponse{}
	for _, id := range req.GetWorkspaceIds() {
		if slug, ok := p.slugs[id]; ok {
			resp.Workspaces = append(resp.Workspaces, &directoryv1.Workspace{WorkspaceId: id, Slug: slug})
		}
	}
	return resp, nil
}

func (p *directoryPeer) GetSubject(_ context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	if err := p.called(); err != nil {
		return nil, err
	}
	s, ok := p.subjects[req.GetSub()]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no such subject")
	}
	return &directoryv1.GetSubjectResponse{Subject: s}, nil
}
