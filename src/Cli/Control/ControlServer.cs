using System.Net;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EucaNet.Cli.Control;

/// <summary>Serves the runtime commands over a Unix socket that only its owner may use (mode 0600). Commands run one after another.</summary>
internal sealed class ControlServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly SemaphoreSlim _oneAtATime = new(1, 1);

    private ControlServer(WebApplication application) => _application = application;

    /// <summary>Starts to listen at a claimed socket.</summary>
    public static async Task<ControlServer> StartAsync(SocketClaim claim, IControl control, ILoggerProvider logging, CancellationToken cancellationToken)
    {
        string socketPath = claim.Path;
        // Of the empty kind: the others read appsettings.json in the current folder and watch every folder below it, which from "/" is the whole machine.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        builder.Logging.AddProvider(logging).SetMinimumLevel(LogLevel.Warning);
        builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, ControlJson.Default));
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.WebHost.ConfigureKestrel(options => options.ListenUnixSocket(socketPath));
        WebApplication application = builder.Build();
        var server = new ControlServer(application);
        server.Map(control);
        // The socket is made with the owner's rights only: nobody else gets in between bind and chmod.
        using (new OwnerOnlyFiles())
        {
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(socketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync().ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        _oneAtATime.Dispose();
    }

    private void Map(IControl control)
    {
        ControlJson json = ControlJson.Default;
        _application.MapGet("/status", context => Reply(context, json.StatusMessage, control.GetStatusAsync));
        _application.MapGet("/findings", context => Reply(context, FindingJson.Default.IReadOnlyListFinding, control.ExamineAsync));
        _application.MapGet("/explain/{name}", context => Named(context, json.ExplanationMessage, control.ExplainAsync));
        _application.MapPost("/trace", context => Change(context, json.TraceRequestMessage, json.TraceMessage, control.TraceAsync));
        _application.MapPost("/reports", context => Change(context, json.ReportMessage, control.ReportAddressAsync));
        _application.MapGet("/instances", context => Reply(context, json.IReadOnlyListInstanceMessage, control.ListInstancesAsync));
        _application.MapPost("/instances", context => Change(context, json.RunMessage, control.RunInstanceAsync));
        _application.MapDelete("/instances/{name}", context => Named(context, json.ChangeMessage, control.TerminateInstanceAsync));
        _application.MapPost("/attachments", context => Change(context, json.AttachMessage, control.AttachInstanceAsync));
        _application.MapDelete("/attachments/{name}", context => Named(context, json.ChangeMessage, control.DetachInstanceAsync));
        _application.MapGet("/rules", context => Reply(context, json.IReadOnlyListRuleMessage, control.ListRulesAsync));
        _application.MapPost("/rules", context => Change(context, json.RuleMessage, control.AuthorizeAsync));
        _application.MapPost("/rules/revoke", context => Change(context, json.RuleMessage, control.RevokeAsync));
        _application.MapGet("/addresses", context => Reply(context, json.IReadOnlyListAddressMessage, control.ListAddressesAsync));
        _application.MapPost("/addresses", context => Change(context, json.AssociateMessage, control.AssociateAsync));
        _application.MapDelete("/addresses/{name}", context => Named(context, json.ChangeMessage, control.DisassociateAsync));
        _application.MapGet("/networks", context => Reply(context, json.IReadOnlyListNetworkMessage, control.ListNetworksAsync));
    }

    private Task Named<TReply>(HttpContext context, JsonTypeInfo<TReply> replyType, Func<string, CancellationToken, Task<TReply>> act)
    {
        string name = (string)context.Request.RouteValues["name"]!;
        return Reply(context, replyType, token => act(name, token));
    }

    private Task Change<TRequest>(HttpContext context, JsonTypeInfo<TRequest> requestType, Func<TRequest, CancellationToken, Task<ChangeMessage>> act) =>
        Change(context, requestType, ControlJson.Default.ChangeMessage, act);

    private async Task Change<TRequest, TReply>(HttpContext context, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TReply> replyType, Func<TRequest, CancellationToken, Task<TReply>> act)
    {
        TRequest? request;
        try
        {
            request = await context.Request.ReadFromJsonAsync(requestType, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is System.Text.Json.JsonException or InvalidOperationException)
        {
            await Refuse(context, HttpStatusCode.BadRequest, $"the request is not what this command takes: {exception.Message}").ConfigureAwait(false);
            return;
        }

        await Reply(context, replyType, token => act(request!, token)).ConfigureAwait(false);
    }

    private async Task Reply<TReply>(HttpContext context, JsonTypeInfo<TReply> replyType, Func<CancellationToken, Task<TReply>> act)
    {
        await _oneAtATime.WaitAsync(context.RequestAborted).ConfigureAwait(false);
        try
        {
            // A change that began is finished even if the caller hangs up.
            TReply reply = await act(CancellationToken.None).ConfigureAwait(false);
            await context.Response.WriteAsJsonAsync(reply, replyType).ConfigureAwait(false);
        }
        catch (RefusedException exception)
        {
            await Refuse(context, HttpStatusCode.Conflict, exception.Message).ConfigureAwait(false);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private static Task Refuse(HttpContext context, HttpStatusCode status, string reason)
    {
        context.Response.StatusCode = (int)status;
        return context.Response.WriteAsJsonAsync(new RefusalMessage(reason), ControlJson.Default.RefusalMessage);
    }

    // The process's signals are the command line's; the web host must not answer them too.
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
