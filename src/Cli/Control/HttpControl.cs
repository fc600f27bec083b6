using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Serialization.Metadata;

namespace EucaNet.Cli.Control;

/// <summary>Talks to the daemon behind its socket: HTTP over a Unix socket.</summary>
internal sealed class HttpControl : IControl, IDisposable
{
    private readonly string _socketPath;
    private readonly HttpClient _client;

    public HttpControl(string socketPath)
    {
        _socketPath = socketPath;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        _client = new HttpClient(handler) { BaseAddress = new Uri("http://eucanet/"), Timeout = TimeSpan.FromMinutes(2) };
    }

    public Task<ChangeMessage> RunInstanceAsync(RunMessage request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "instances", request, ControlJson.Default.RunMessage, ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<ChangeMessage> TerminateInstanceAsync(string instance, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, $"instances/{Uri.EscapeDataString(instance)}", ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<ChangeMessage> AttachInstanceAsync(AttachMessage request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "attachments", request, ControlJson.Default.AttachMessage, ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<ChangeMessage> DetachInstanceAsync(string instance, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, $"attachments/{Uri.EscapeDataString(instance)}", ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<IReadOnlyList<InstanceMessage>> ListInstancesAsync(CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, "instances", ControlJson.Default.IReadOnlyListInstanceMessage, cancellationToken);

    public Task<ChangeMessage> AuthorizeAsync(RuleMessage rule, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "rules", rule, ControlJson.Default.RuleMessage, ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<ChangeMessage> RevokeAsync(RuleMessage rule, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "rules/revoke", rule, ControlJson.Default.RuleMessage, ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<IReadOnlyList<RuleMessage>> ListRulesAsync(CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, "rules", ControlJson.Default.IReadOnlyListRuleMessage, cancellationToken);

    public Task<ChangeMessage> AssociateAsync(AssociateMessage request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "addresses", request, ControlJson.Default.AssociateMessage, ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<ChangeMessage> DisassociateAsync(string publicAddress, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, $"addresses/{Uri.EscapeDataString(publicAddress)}", ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<IReadOnlyList<AddressMessage>> ListAddressesAsync(CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, "addresses", ControlJson.Default.IReadOnlyListAddressMessage, cancellationToken);

    public Task<IReadOnlyList<NetworkMessage>> ListNetworksAsync(CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, "networks", ControlJson.Default.IReadOnlyListNetworkMessage, cancellationToken);

    public Task<ExplanationMessage> ExplainAsync(string subject, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, $"explain/{Uri.EscapeDataString(subject)}", ControlJson.Default.ExplanationMessage, cancellationToken);

    public Task<IReadOnlyList<Engine.Diagnostics.Finding>> ExamineAsync(CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, "findings", FindingJson.Default.IReadOnlyListFinding, cancellationToken);

    public Task<TraceMessage> TraceAsync(TraceRequestMessage request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "trace", request, ControlJson.Default.TraceRequestMessage, ControlJson.Default.TraceMessage, cancellationToken);

    public Task<ChangeMessage> ReportAddressAsync(ReportMessage report, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "reports", report, ControlJson.Default.ReportMessage, ControlJson.Default.ChangeMessage, cancellationToken);

    public Task<StatusMessage> GetStatusAsync(CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, "status", ControlJson.Default.StatusMessage, cancellationToken);

    public void Dispose() => _client.Dispose();

    private async Task<TReply> SendAsync<TRequest, TReply>(
        HttpMethod method, string path, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TReply> replyType, CancellationToken cancellationToken)
    {
        using JsonContent content = JsonContent.Create(request, requestType);
        return await SendAsync(method, path, content, replyType, cancellationToken).ConfigureAwait(false);
    }

    private Task<TReply> SendAsync<TReply>(HttpMethod method, string path, JsonTypeInfo<TReply> replyType, CancellationToken cancellationToken) =>
        SendAsync(method, path, (HttpContent?)null, replyType, cancellationToken);

    private async Task<TReply> SendAsync<TReply>(HttpMethod method, string path, HttpContent? content, JsonTypeInfo<TReply> replyType, CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(method, path) { Content = content };
        HttpResponseMessage response;
        try
        {
            response = await _client.SendAsync(message, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException exception) when (exception.InnerException is SocketException socket)
        {
            throw new RefusedException(socket.SocketErrorCode switch
            {
                SocketError.AccessDenied => $"you may not use the engine's socket {_socketPath}; it is its owner's (run as root)",
                _ when !File.Exists(_socketPath) => $"there is no engine's socket {_socketPath}; start an engine with 'eucanet up', or name its socket with --socket",
                _ => $"no engine answers at {_socketPath} ({socket.Message}); start it again with 'eucanet up'",
            });
        }

        using (response)
        {
            if (response.IsSuccessStatusCode)
            {
                return await response.Content.ReadFromJsonAsync(replyType, cancellationToken).ConfigureAwait(false)
                    ?? throw new RefusedException($"the engine at {_socketPath} answered nothing");
            }

            string reason = response.StatusCode == HttpStatusCode.NotFound && response.Content.Headers.ContentLength is 0
                ? "the engine at this socket does not have this command; is it of the other role?"
                : (await response.Content.ReadFromJsonAsync(ControlJson.Default.RefusalMessage, cancellationToken).ConfigureAwait(false))?.Error ?? response.ReasonPhrase ?? "refused";
            throw new RefusedException(reason);
        }
    }
}
