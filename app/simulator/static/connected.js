// The last page of the pop-up: HubSpot closes a window that it has opened.

if (window.opener) setTimeout(() => window.close(), 3000);
